/**
 * What a client says of DNS that it cannot set, as the service that `install` makes: as the user `simplevpn`,
 * with CAP_NET_ADMIN alone. polkitd, systemd-resolved and the bus are the real ones, in the mounts of the
 * client's machine; how all goes well is in service_*_test.ts.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { placeFile, POLKIT_RULES } from "../../daemon/service_files.ts";
import type { LabProcess } from "../../scripts/lab.ts";
import { assertFound, clientDoctor, diagnose, type Diagnosis } from "./doctor.ts";
import { eventually } from "./inspection.ts";
import { NameServices, unpackedObstacle, USERS } from "./name_services.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";
import { asService, bundled } from "./unprivileged.ts";

/** What the machine has before: the server's outer address, where a DNS server of the outside answers. */
const OUTSIDE = "198.51.100.5";
const BEFORE = `nameserver ${OUTSIDE}\n`;

/** Addresses that the DNS servers inside and outside the tunnel give for all names. */
const [INNER_ANSWER, OUTER_ANSWER] = ["10.9.9.9", "192.0.2.99"];

/** "daemon", whom every machine knows: the bus turns unknown ones away. */
const OTHER_USER = 1;

const SERVER_DNS = ["--dns", "10.0.0.1", "--search", "lab.example"];
const COMMANDS = ["python3", "setpriv"];
const BUS_COMMANDS = [...COMMANDS, "dbus-daemon"];
const OBSTACLE = unpackedObstacle("systemd-resolved") ?? unpackedObstacle("polkitd");

/** What the client says when it cannot set DNS, up to the reason. */
const REFUSED = "Cannot set this machine's DNS, so names in the tunnel may not be found: only root";
const POLKIT_REFUSED = `${REFUSED}, and whom polkit allows it, may tell systemd-resolved`;
const AGAIN = '"simplevpn-client install" again';

/** What ProtectSystem=strict of the unit comes to. */
const READ_ONLY = [
  "sh",
  "-c",
  'for f in /etc /run; do mount -o remount,bind,ro "$f"; done && exec "$@"',
  "sh",
];

class Scene implements AsyncDisposable {
  /** Whom the client runs as. */
  user: number = USERS.simplevpn;

  private constructor(
    readonly lab: TunnelLab,
    readonly client: ClientMachine,
    readonly services: NameServices,
  ) {}

  static async open(...options: string[]): Promise<Scene> {
    const lab = await TunnelLab.open();
    // The client's user finds its program and state here.
    await Deno.chmod(lab.lab.folder, 0o755);
    const client = await lab.addClient();
    const services = await NameServices.make(`${lab.lab.folder}/client`);
    await Deno.writeTextFile(services.resolvConf, BEFORE);
    await lab.startSecureServer(...SERVER_DNS, ...options);
    const answers = [["10.0.0.1", INNER_ANSWER], [OUTSIDE, OUTER_ANSWER]] as const;
    const file = new URL("dns_server.py", import.meta.url).pathname;
    for (const [address, answer] of answers) {
      await lab.server.start(["python3", file, address, answer]).waitFor(/listening/);
    }
    return new Scene(lab, client, services);
  }

  get state(): string {
    return this.lab.clientState(this.client);
  }

  /** Has systemd-resolved look up this machine's names. */
  async startResolved(): Promise<void> {
    await Deno.remove(this.services.resolvConf);
    await this.services.startResolved(this.client.machine, OUTSIDE);
  }

  /** Starts polkitd, and writes the rule as `install` does, which a polkitd that runs sees. */
  async startPolkitWithRule(): Promise<void> {
    const polkit = await this.services.startPolkit(this.client.machine);
    placeFile(`${this.services.etc}/polkit-1/rules.d/49-simplevpn.rules`, POLKIT_RULES);
    const reloaded = /Reloading rules[^]*executing 2 rules/;
    const said = await eventually(
      () => Promise.resolve(polkit.stdout),
      (said) => reloaded.test(said),
    );
    assertMatch(said, reloaded);
  }

  /** Starts the client, and waits until it is connected. */
  async join(...options: string[]): Promise<LabProcess> {
    const { lab, client, services, state } = this;
    const [folder, home] = [`${lab.lab.folder}/program`, `${lab.lab.folder}/home`];
    for (const path of [folder, home, state]) await Deno.mkdir(path, { mode: 0o755 });
    for (const path of [home, state]) await Deno.chown(path, this.user, this.user);
    await Deno.chmod(state, 0o700);
    const command = [
      ...["env", `DENO_DIR=${home}`, `HOME=${home}`, ...asService(this.user)],
      ...[...await bundled(folder, "client"), "--state", state, "--tun", "vpn0"],
      ...[await lab.invite(client, "pi"), ...options],
    ];
    const process = client.machine.start(services.wrap([...READ_ONLY, ...command]));
    await connected(process, 20_000);
    return process;
  }

  /** Asserts that a program of the client's machine finds an address for a name. */
  assertFinds(name: string, address: string): Promise<void> {
    return this.services.assertFinds(this.client.machine, name, address);
  }

  diagnose(...options: string[]): Promise<Diagnosis> {
    const command = clientDoctor(this.lab, this.client, ...options);
    return diagnose(this.client.machine, this.services.wrap(command));
  }

  /** What would be undone after the client. */
  dnsNotes(): string[] {
    const names = Array.from(Deno.readDirSync(this.state), ({ name }) => name);
    return names.filter((name) => name.startsWith("dns"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}

/** Waits for the one line about DNS that is refused, lets the client end, and finds no other about it. */
async function assertRefused(process: LabProcess, line: string): Promise<void> {
  await process.waitFor(/Cannot/);
  assertEquals((await process.stop()).code, 0, process.stderr);
  const lines = process.stderr.split("\n").filter((line) => /Cannot|DNS/.test(line));
  assertEquals(lines.map((line) => line.slice(line.indexOf("Cannot"))), [line]);
}

await labTest(
  "without that rule the service is told what to do, and its tunnel works",
  [...BUS_COMMANDS, "ping"],
  async () => {
    await using scene = await Scene.open();
    await scene.startResolved();
    await scene.services.startPolkit(scene.client.machine);
    const process = await scene.join();
    await scene.client.machine.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
    await assertRefused(process, `${POLKIT_REFUSED}: run ${AGAIN}`);
    await scene.assertFinds("www.lab.example", OUTER_ANSWER);
  },
  OBSTACLE,
);

await labTest(
  "without polkit the service says that it is missing",
  BUS_COMMANDS,
  async () => {
    await using scene = await Scene.open();
    await scene.startResolved();
    const process = await scene.join();
    const line = `${POLKIT_REFUSED}: run "apt-get install polkitd", then ${AGAIN}`;
    await assertRefused(process, line);
  },
  OBSTACLE,
);

await labTest(
  "where nothing asks systemd-resolved the service says how that is done",
  BUS_COMMANDS,
  async () => {
    await using scene = await Scene.open();
    await scene.startResolved();
    await scene.startPolkitWithRule();
    await Deno.remove(scene.services.resolvConf);
    await Deno.writeTextFile(scene.services.resolvConf, BEFORE);
    const process = await scene.join();
    const link = '"ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"';
    await assertRefused(
      process,
      `${REFUSED} may write /etc/resolv.conf: run ${link}, then ${AGAIN}`,
    );
  },
  OBSTACLE,
);

for (const program of ["openresolv", "resolvconf"] as const) {
  await labTest(
    `${program} lets the service do nothing, and nothing is left of that`,
    COMMANDS,
    async () => {
      await using scene = await Scene.open();
      await scene.services.addResolvconf(scene.client.machine, program, OUTSIDE);
      const process = await scene.join();
      const install = '"apt-get install systemd-resolved polkitd"';
      await assertRefused(process, `${REFUSED} may use resolvconf: run ${install}, then ${AGAIN}`);
      assertEquals(scene.dnsNotes(), []);
      await scene.assertFinds("www.lab.example", OUTER_ANSWER);
    },
    unpackedObstacle(program),
  );
}

await labTest(
  "where there are neither systemd-resolved nor polkit the service says so, and leaves all as it is",
  [...COMMANDS, "ping"],
  async () => {
    await using scene = await Scene.open();
    const process = await scene.join();
    await scene.client.machine.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
    const install = '"apt-get install systemd-resolved polkitd"';
    await assertRefused(
      process,
      `${REFUSED} may write /etc/resolv.conf: run ${install}, then ${AGAIN}`,
    );
    assertEquals(await Deno.readTextFile(scene.services.resolvConf), BEFORE);
    assertEquals(scene.dnsNotes(), []);
  },
);

await labTest(
  "a client of another user is referred to the service",
  COMMANDS,
  async () => {
    await using scene = await Scene.open();
    scene.user = OTHER_USER;
    const process = await scene.join();
    const service = 'the service that "simplevpn-client install" makes may tell systemd-resolved';
    await assertRefused(process, `${REFUSED} may write /etc/resolv.conf; ${service}`);
  },
);

await labTest(
  "a doctor says that a full tunnel's names are asked past it, and what the service lacks",
  COMMANDS,
  async () => {
    await using scene = await Scene.open();
    const process = await scene.join("--full-tunnel");
    await process.waitFor(/Cannot set this machine's DNS/);
    const past = /asked past the full tunnel: the DNS server 198\.51\.100\.5 is reached by eth/;
    const { mend } = assertFound(await scene.diagnose(), "warning", "dns", past);
    assertEquals(mend, `run "apt-get install systemd-resolved polkitd", then ${AGAIN}`);
    const unused = assertFound(
      await scene.diagnose(),
      "warning",
      "dns",
      /\(10\.0\.0\.1\) are not set/,
    );
    assertEquals(unused.mend, mend);
    const without = assertFound(await scene.diagnose("--no-dns"), "warning", "dns", past);
    assertEquals(without.mend, "leave --no-dns out");
  },
);

await labTest(
  "a doctor sees whether systemd-resolved asks a full tunnel's DNS servers alone",
  BUS_COMMANDS,
  async () => {
    await using scene = await Scene.open();
    await scene.startResolved();
    await scene.startPolkitWithRule();
    const process = await scene.join("--full-tunnel");
    await process.waitFor(/DNS: 10\.0\.0\.1 for all names, by systemd-resolved/);
    const healthy = await scene.diagnose();
    assertFound(healthy, "ok", "dns", /No name is asked past the full tunnel/);
    assertEquals(healthy.findings.filter(({ what }) => what.includes("are not set here")), []);
    const revert = scene.services.wrap(["resolvectl", "revert", "vpn0"]);
    await scene.client.machine.run(...revert);
    const past = /asked past the full tunnel: systemd-resolved asks others than vpn0's/;
    const reverted = await scene.diagnose();
    assertFound(reverted, "warning", "dns", past);
    assertFound(reverted, "warning", "dns", /\(10\.0\.0\.1\) are not set here/);
  },
  OBSTACLE,
);
