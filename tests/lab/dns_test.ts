/** The DNS of a client's machine: what the server tells is used, and in the end all is as it was. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "./inspection.ts";
import { NameServices, unpackedObstacle } from "./name_services.ts";
import { type ClientMachine, connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";
import { program } from "../../scripts/program.ts";
import type { LabProcess } from "../../scripts/lab.ts";

/** What the machine has before: the server's outer address, where a DNS server of the outside answers. */
const OUTSIDE = "198.51.100.5";
const BEFORE =
  `# the machine's own\nnameserver ${OUTSIDE}\nsearch home.example\noptions timeout:1\n`;

/** Addresses that the DNS servers inside and outside the tunnel give for all names. */
const [INNER_ANSWER, OUTER_ANSWER] = ["10.9.9.9", "192.0.2.99"];

const SERVER_DNS = ["--dns", "10.0.0.1"];
const SPLIT = [...SERVER_DNS, "--search", "lab.example"];

interface Scene extends AsyncDisposable {
  lab: TunnelLab;
  client: ClientMachine;
  services: NameServices;
  server: LabProcess;
  /** Starts a client and waits until it is connected. */
  join(...options: string[]): Promise<LabProcess>;
  /** Asserts that a program of the client's machine finds an address for a name. */
  assertFinds(name: string, address: string): Promise<void>;
}

async function open(...options: string[]): Promise<Scene> {
  const lab = await TunnelLab.open();
  const client = await lab.addClient();
  const services = await NameServices.make(`${lab.lab.folder}/client`);
  await Deno.writeTextFile(services.resolvConf, BEFORE);
  const server = await lab.startSecureServer(...options);
  const invite = await lab.invite(client, "pi");
  await startDnsServer(lab, "10.0.0.1", INNER_ANSWER);
  await startDnsServer(lab, OUTSIDE, OUTER_ANSWER);
  let isJoined = false;
  return {
    lab,
    client,
    services,
    server,
    join: async (...options) => {
      const words = isJoined ? options : [invite, ...options];
      const command = services.wrap(lab.secureCommand(client, ...words));
      const process = client.machine.start(command);
      await connected(process);
      isJoined = true;
      return process;
    },
    assertFinds: (name, address) => services.assertFinds(client.machine, name, address),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

async function startDnsServer(lab: TunnelLab, address: string, answer: string): Promise<void> {
  const program = new URL("dns_server.py", import.meta.url).pathname;
  const process = lab.server.start(["python3", program, address, answer]);
  await process.waitFor(/listening/);
}

function isThere(path: string): Promise<boolean> {
  return Deno.lstat(path).then(() => true, () => false);
}

/** What a file is, with its owner and mode. */
async function look(path: string): Promise<unknown> {
  const { isSymlink, mode, uid, gid } = await Deno.lstat(path);
  if (isSymlink) return { target: await Deno.readLink(path) };
  return { text: await Deno.readTextFile(path), mode, uid, gid };
}

const test = (name: string, fn: () => Promise<void>): Promise<void> =>
  labTest(name, ["python3"], fn);

await test("a client asks the server's DNS server first, and puts resolv.conf back", async () => {
  await using scene = await open(...SPLIT);
  const { services } = scene;
  await Deno.chmod(services.resolvConf, 0o604);
  await Deno.chown(services.resolvConf, 1234, 4321);
  const before = await look(services.resolvConf);
  await scene.assertFinds("www.lab.example", OUTER_ANSWER);

  const file = `${scene.lab.lab.folder}/client.toml`;
  await Deno.writeTextFile(file, "no-dns = true\n");
  const process = await scene.join("--config", file);
  assertEquals(await look(services.resolvConf), before);
  await Deno.writeTextFile(file, "");
  process.kill("SIGHUP");
  await process.waitFor(/DNS: 10\.0\.0\.1 for lab\.example, by \/etc\/resolv\.conf/);
  const { text, ...owner } = await look(services.resolvConf) as { text: string; mode: number };
  assertEquals(
    text.split("\n").filter((line) => !line.startsWith("#")),
    [
      "nameserver 10.0.0.1",
      `nameserver ${OUTSIDE}`,
      "search lab.example home.example",
      "options timeout:1",
      "",
    ],
  );
  const { text: _, ...ownerBefore } = before as { text: string };
  assertEquals<unknown>(owner, ownerBefore);
  await scene.assertFinds("www.lab.example", INNER_ANSWER);

  assertEquals((await process.stop()).code, 0, process.stderr);
  assertMatch(process.stderr, /\/etc\/resolv\.conf is as it was/);
  assertEquals(await look(services.resolvConf), before);
  await scene.assertFinds("www.lab.example", OUTER_ANSWER);
});

await test("DNS servers without domains are for all names: nobody else is asked", async () => {
  await using scene = await open(...SERVER_DNS);
  const process = await scene.join();
  await process.waitFor(/DNS: 10\.0\.0\.1 for all names/);
  const text = await Deno.readTextFile(scene.services.resolvConf);
  assertEquals(text.match(/^(nameserver|search).*$/gm), ["nameserver 10.0.0.1"]);
});

await test("a symlink makes way for a file, and comes back", async () => {
  await using scene = await open(...SERVER_DNS);
  const { services } = scene;
  await Deno.rename(services.resolvConf, `${services.etc}/elsewhere.conf`);
  await Deno.symlink("elsewhere.conf", services.resolvConf);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  assertMatch(await Deno.readTextFile(services.resolvConf), /^nameserver 10\.0\.0\.1$/m);
  assertEquals(await Deno.readTextFile(`${services.etc}/elsewhere.conf`), BEFORE);
  await process.stop();
  assertEquals(await look(services.resolvConf), { target: "elsewhere.conf" });
  await scene.assertFinds("www.lab.example", OUTER_ANSWER);
});

await test("where there was no resolv.conf there is none in the end", async () => {
  await using scene = await open(...SERVER_DNS);
  await Deno.remove(scene.services.resolvConf);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  await scene.assertFinds("www.lab.example", INNER_ANSWER);
  await process.stop();
  const names = await Array.fromAsync(Deno.readDir(scene.services.etc), ({ name }) => name);
  assertEquals(names.filter((name) => name.startsWith("resolv")), []);
});

await test("a resolv.conf that is a mount is written in place, and put back", async () => {
  await using scene = await open(...SERVER_DNS);
  const file = await scene.services.mountResolvConf(BEFORE);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  assertMatch(await Deno.readTextFile(file), /^nameserver 10\.0\.0\.1$/m);
  await process.stop("SIGKILL");
  const next = await scene.join("--no-dns");
  assertMatch(next.stderr, /\/etc\/resolv\.conf is as it was/);
  assertEquals(await Deno.readTextFile(file), BEFORE);
});

await test("what somebody else wrote into resolv.conf meanwhile is left alone", async () => {
  await using scene = await open(...SERVER_DNS);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  const theirs = "nameserver 203.0.113.53\n";
  await Deno.writeTextFile(scene.services.resolvConf, theirs);
  await process.stop();
  assertMatch(process.stderr, /is left alone: somebody else changed it since/);
  assertEquals(await Deno.readTextFile(scene.services.resolvConf), theirs);
});

await test("after a client was killed a classic one puts resolv.conf back first", async () => {
  await using scene = await open(...SERVER_DNS);
  const before = await look(scene.services.resolvConf);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  await process.stop("SIGKILL");
  assertMatch(await Deno.readTextFile(scene.services.resolvConf), /^nameserver 10\.0\.0\.1$/m);
  // It does not even need a server.
  await scene.server.stop();
  const { client, lab, services } = scene;
  const next = client.machine.start(services.wrap(lab.clientCommand(client)));
  await next.waitFor(/No connection to/);
  assertEquals(await look(services.resolvConf), before);
  assertMatch(next.stderr, /is as it was[^]*No connection to/);
});

await test("after a client was killed cleanup puts resolv.conf back, and not before", async () => {
  await using scene = await open(...SERVER_DNS);
  const { client, lab, services } = scene;
  const before = await look(services.resolvConf);
  const process = await scene.join();
  await process.waitFor(/DNS: /);
  const state = `${lab.state}-${client.machine.namespace}`;
  const cleanup = services.wrap([...program("client", SOURCE), "cleanup", "--state", state]);
  assertMatch(await client.machine.run(...cleanup), /nothing to undo/);
  assertMatch(await Deno.readTextFile(services.resolvConf), /^nameserver 10\.0\.0\.1$/m);
  await process.stop("SIGKILL");
  assertMatch(await client.machine.run(...cleanup), /Undone: the DNS settings/);
  assertEquals(await look(services.resolvConf), before);
});

await test("--no-dns leaves resolv.conf alone", async () => {
  await using scene = await open(...SPLIT);
  const before = await look(scene.services.resolvConf);
  await scene.join("--no-dns");
  assertEquals(await look(scene.services.resolvConf), before);
});

await test("a second signal puts resolv.conf back, too", async () => {
  await using scene = await open(...SERVER_DNS);
  const before = await look(scene.services.resolvConf);
  const hook = `${scene.lab.lab.folder}/slow`;
  await Deno.writeTextFile(hook, "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
  const process = await scene.join("--down", hook);
  await process.waitFor(/DNS: /);
  process.kill("SIGTERM");
  await process.waitFor(/Stopping on SIGTERM/);
  // Sooner it would be the same request once more.
  await new Promise((resolve) => setTimeout(resolve, 700));
  process.kill("SIGINT");
  assertEquals((await process.status).code, 1);
  assertEquals(await look(scene.services.resolvConf), before);
});

await test("what the server tells while the DNS is put back is not used any more", async () => {
  const folder = await Deno.makeTempDir();
  const [config, mark] = [`${folder}/server.toml`, `${folder}/mark`];
  await Deno.writeTextFile(config, 'dns = ["10.0.0.1"]\n');
  await using scene = await open("--config", config);
  const { lab, services: { etc } } = scene;
  await Deno.writeTextFile(
    `${etc}/../usr/local/sbin/resolvconf`,
    `#!/bin/sh
    case "$1" in
    --version) echo openresolv ;;
    -f) touch ${mark}.begun; until [ -e ${mark}.go ]; do sleep 0.1; done; rm ${mark}.entry ;;
    *) cat > ${mark}.entry ;;
    esac`,
  );
  const process = await scene.join();
  await process.waitFor(/DNS: 10\.0\.0\.1 for all names, by resolvconf/);
  process.kill("SIGTERM");
  await eventually(() => isThere(`${mark}.begun`), Boolean);
  await Deno.writeTextFile(config, 'dns = ["10.0.0.7"]\n');
  await lab.manage("reload");
  await process.waitFor(/The server changed this machine's settings/);
  await Deno.writeTextFile(`${mark}.go`, "");
  assertEquals((await process.status).code, 0, process.stderr);
  assert(!/DNS: 10\.0\.0\.7/.test(process.stderr), process.stderr);
  for (const path of [`${mark}.entry`, `${lab.clientState(scene.client)}/dns.json`]) {
    assert(!await isThere(path), path);
  }
  await Deno.remove(folder, { recursive: true });
});

await test("another DNS that the server tells when it is back is used, and none as well", async () => {
  await using scene = await open(...SERVER_DNS);
  const before = await look(scene.services.resolvConf);
  const process = await scene.join();
  await process.waitFor(/DNS: 10\.0\.0\.1 for all names/);
  await scene.server.stop();
  const second = await scene.lab.startSecureServer("--dns", "10.0.0.7", "--search", "b.example");
  await process.waitFor(/DNS: 10\.0\.0\.7 for b\.example/, 30_000);
  assertMatch(await Deno.readTextFile(scene.services.resolvConf), /^nameserver 10\.0\.0\.7$/m);
  await second.stop();
  await scene.lab.startSecureServer();
  await process.waitFor(/\/etc\/resolv\.conf is as it was/, 30_000);
  assertEquals(await look(scene.services.resolvConf), before);
});

await test("addresses that no DNS server can have are left out", async () => {
  await using scene = await open("--dns", "10.0.0.1", "--dns", "10.0.255.255", "--dns", "10.0.0.2");
  const process = await scene.join();
  await process.waitFor(/these are left out: 10\.0\.255\.255/);
  await process.waitFor(/DNS: 10\.0\.0\.1, 10\.0\.0\.2 for all names/);
});

await test("a second client on a machine does not take the DNS of the first for its own", async () => {
  await using scene = await open(...SERVER_DNS);
  const { lab, client, services } = scene;
  const first = await scene.join();
  await first.waitFor(/DNS: /);
  const wrote = await look(services.resolvConf);
  const invite = await lab.invite(client, "other");
  const state = ["--state", `${lab.state}-other`];
  const second = client.machine.start(services.wrap(lab.secureCommand(client, invite, ...state)));
  await second.waitFor(/another simplevpn-client wrote it/);
  await second.stop();
  assertEquals(await look(services.resolvConf), wrote);
  await first.stop();
  assertEquals(await Deno.readTextFile(services.resolvConf), BEFORE);
});

await test("a client comes back though the DNS that knows its server is in the tunnel", async () => {
  await using scene = await open(...SERVER_DNS);
  const { lab, client, services, server } = scene;
  await Deno.writeTextFile(`${services.etc}/hosts`, `${client.server} vpn.example\n`);
  const invite = (await lab.invite(client, "named")).replace(client.server, "vpn.example");
  const state = ["--state", `${lab.state}-named`, "--log-level", "debug"];
  const process = client.machine.start(services.wrap(lab.secureCommand(client, invite, ...state)));
  await process.waitFor(/DNS: 10\.0\.0\.1 for all names/);
  await Deno.writeTextFile(`${services.etc}/hosts`, "");
  const from = process.stderr.length;
  await server.stop();
  await process.waitFor(/Cannot find vpn\.example .*: trying the addresses/, 30_000, from);
  await lab.startSecureServer(...SERVER_DNS);
  await connected(process, 60_000, from);
});

await labTest(
  "systemd-resolved is told the DNS servers of the tunnel, and for which names they are",
  ["python3", "dbus-daemon"],
  async () => {
    await using scene = await open(...SPLIT);
    const { client, services } = scene;
    await Deno.remove(services.resolvConf);
    await services.startResolved(client.machine, OUTSIDE);
    const before = await look(services.resolvConf);
    const process = await scene.join("--tun", "vpn0");
    await process.waitFor(/DNS: 10\.0\.0\.1 for lab\.example, by systemd-resolved/);
    const ask = (what: string): Promise<string> =>
      client.machine.run(...services.wrap(["resolvectl", what, "vpn0"]));
    assertMatch(await ask("dns"), /vpn0\): 10\.0\.0\.1\n/);
    assertMatch(await ask("domain"), /vpn0\): lab\.example\n/);
    assertMatch(await ask("default-route"), /vpn0\): no\n/);
    await scene.assertFinds("www.lab.example", INNER_ANSWER);
    await scene.assertFinds("www.elsewhere.example", OUTER_ANSWER);
    assertEquals(await look(services.resolvConf), before);

    await process.stop();
    assert(!process.stderr.includes("Cannot"), process.stderr);
    await scene.assertFinds("www.lab.example", OUTER_ANSWER);
  },
  unpackedObstacle("systemd-resolved"),
);

await labTest(
  "systemd-resolved asks the tunnel for all names if the server tells no domains, till it is killed",
  ["python3", "dbus-daemon"],
  async () => {
    await using scene = await open(...SERVER_DNS);
    const { client, services } = scene;
    await Deno.remove(services.resolvConf);
    await services.startResolved(client.machine, OUTSIDE);
    const process = await scene.join("--tun", "vpn0");
    await process.waitFor(/DNS: 10\.0\.0\.1 for all names, by systemd-resolved/);
    const domains = services.wrap(["resolvectl", "domain", "vpn0"]);
    assertMatch(await client.machine.run(...domains), /vpn0\): ~\.\n/);
    await scene.assertFinds("www.elsewhere.example", INNER_ANSWER);
    await process.stop("SIGKILL");
    await scene.assertFinds("www.elsewhere.example", OUTER_ANSWER);
  },
  unpackedObstacle("systemd-resolved"),
);

for (
  const [program, domains, others] of [
    ["openresolv", [], "in place of"],
    ["openresolv", ["--search", "lab.example"], "before"],
    ["resolvconf", [], "before"],
  ] as const
) {
  await labTest(
    `${program} is given ${domains.length > 0 ? "domains, and " : ""}DNS servers ${others} others`,
    ["python3"],
    async () => {
      await using scene = await open(...SERVER_DNS, ...domains);
      const { client, services } = scene;
      await services.addResolvconf(client.machine, program, OUTSIDE);
      const read = async (): Promise<string[]> => {
        const text = await client.machine.run(...services.wrap(["cat", "/etc/resolv.conf"]));
        // Nameservers in their order; where the search list stands among them does not matter.
        return [/^nameserver .*$/gm, /^search .*$/gm].flatMap((line) => text.match(line) ?? []);
      };
      assertEquals(await read(), [`nameserver ${OUTSIDE}`]);
      const process = await scene.join();
      await process.waitFor(/DNS: 10\.0\.0\.1 .*by resolvconf/);
      assertEquals(await read(), [
        "nameserver 10.0.0.1",
        ...others === "before" ? [`nameserver ${OUTSIDE}`] : [],
        ...domains.length > 0 ? ["search lab.example"] : [],
      ]);
      await scene.assertFinds("www.lab.example", INNER_ANSWER);
      await process.stop();
      assertEquals(await read(), [`nameserver ${OUTSIDE}`]);

      const killed = await scene.join();
      await killed.waitFor(/DNS: /);
      await killed.stop("SIGKILL");
      await scene.join("--no-dns");
      assertEquals(await read(), [`nameserver ${OUTSIDE}`]);
    },
    unpackedObstacle(program),
  );
}
