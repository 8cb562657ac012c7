/** What a client sends through its tunnel: everything, some networks, or what the server says. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CommandOutput, LabProcess, Machine } from "../../scripts/lab.ts";
import { tcpFlows, udpFlows } from "./flows.ts";
import { assertOneLine, ending, eventually, networkState } from "./inspection.ts";
import {
  HOST,
  HOST6,
  Internet,
  knockEverywhere,
  SERVER,
  SERVER6,
  SPARE,
  watchLeaks,
} from "./internet.ts";
import { connected, labTest } from "./tunnel_lab.ts";
import { withFile } from "./mounts.ts";

const PING = ["ping", "-c", "2", "-i", "0.1", "-W", "5"];
const COMMANDS = ["ping", "nft", "tcpdump", "python3"];

/** So that a connection that is lost is noticed soon. */
const SOON = ["--keepalive", "0.5", "--timeout", "3"];

const WAYS: [name: string, host: string, options: string[]][] = [
  ["TCP", SERVER, ["--tcp"]],
  ["UDP", SERVER, ["-u"]],
  ["IPv6", SERVER6, []],
];
for (const [way, host, options] of WAYS) {
  await labTest(
    `a full tunnel over ${way} carries everything, and nothing passes it by`,
    COMMANDS,
    async () => {
      await using internet = await Internet.open();
      const { client, lab } = internet;
      const { machine } = client;
      await lab.startSecureServer();
      if (way === "IPv6") await machine.run("ip", "route", "delete", "default");
      const before = await networkState(machine);
      const { process, tun } = await internet.join(host, "--full-tunnel", ...options);
      await process.waitFor(new RegExp(`Everything goes through ${tun} now`));
      const watch = await watchLeaks(machine, client.interface);
      await machine.run(...PING, HOST);
      await machine.run(...PING, HOST6);
      for (const address of [HOST, HOST6]) {
        await tcpFlows(machine, address, 2);
        await udpFlows(machine, address, 2, 1280);
      }
      await knockEverywhere(machine);
      assertStringIncludes(await machine.run("ip", "route", "get", HOST), `dev ${tun}`);
      assertEquals(await watch.leaks(), "");
      await process.stop();
      assertEquals(await networkState(machine), before);
    },
  );
}

await labTest("a full tunnel leaves the machine's own networks alone", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { lab, client } = internet;
  const neighbour = await lab.lab.machine("neighbour");
  const near = ["192.168.1.1/24", "fd11::1/64"];
  await lab.lab.cable(client.machine, near, neighbour, ["192.168.1.2/24", "fd11::2/64"]);
  await lab.startSecureServer();
  const { process } = await internet.join(SERVER, "--full-tunnel");
  await process.waitFor(/Everything goes through/);
  for (const address of ["192.168.1.2", "fd11::2", client.server, "10.0.0.1", SERVER]) {
    await client.machine.run(...PING, address);
  }
  await neighbour.run(...PING, "192.168.1.1");
});

await labTest("a full tunnel without IPv6 lets no IPv6 pass it by", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { machine, interface: device, server6 } = internet.client;
  await internet.lab.startSecureServer("--no-ipv6");
  const before = await networkState(machine);
  await machine.run(...PING, HOST6);
  const { process } = await internet.join(SERVER, "--full-tunnel");
  await process.waitFor(/IPv6 gets nowhere, since the tunnel has none/);
  const watch = await watchLeaks(machine, device);
  const { stderr, success } = await machine.try(...PING, HOST6);
  assertEquals([success, /unreachable/.test(stderr)], [false, true], stderr);
  await knockEverywhere(machine);
  await machine.run(...PING, HOST);
  assertEquals(await watch.leaks(), "");
  await machine.run(...PING, server6);
  await process.stop();
  assertEquals(await networkState(machine), before);
});

await labTest("a second signal opens a full tunnel, too", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { lab, client: { machine } } = internet;
  const hook = `${lab.lab.folder}/slow`;
  await Deno.writeTextFile(hook, "#!/bin/sh\nsleep 60\n", { mode: 0o755 });
  await lab.startSecureServer();
  const before = await networkState(machine);
  const { process } = await internet.join(SERVER, "--full-tunnel", "--down", hook);
  await process.waitFor(/Everything goes through/);
  process.kill("SIGTERM");
  await process.waitFor(/Stopping on SIGTERM/);
  // Sooner it would be the same request once more.
  await new Promise((resolve) => setTimeout(resolve, 700));
  process.kill("SIGINT");
  assertEquals((await process.status).code, 1);
  assertEquals(await eventually(() => networkState(machine), (state) => state === before), before);
});

await labTest(
  "a full tunnel whose server is gone stays shut until it is back",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    const { machine, interface: device } = internet.client;
    const server = await internet.lab.startSecureServer(...SOON);
    const { process } = await internet.join(SERVER, "--full-tunnel");
    await machine.run(...PING, HOST);
    const from = process.stderr.length;
    await server.stop("SIGKILL");
    const watch = await watchLeaks(machine, device);
    await knockEverywhere(machine);
    await process.waitFor(/Lost the connection: /, 60_000, from);
    await knockEverywhere(machine);
    await internet.lab.startSecureServer();
    await connected(process, 60_000, from);
    await machine.run(...PING, HOST);
    assertEquals(await watch.leaks(), "");
  },
);

for (const way of ["--tcp", "-u"]) {
  await labTest(
    `a full tunnel comes back when the default route changes (${way})`,
    COMMANDS,
    async () => {
      await using internet = await Internet.open();
      const { lab, client } = internet;
      const { machine } = client;
      const [near, far] = [["198.51.102.1/30"], ["198.51.102.2/30"]];
      const cable = await lab.lab.cable(
        lab.server,
        [...near, "2001:db8:102::1/64"],
        machine,
        [...far, "2001:db8:102::2/64"],
      );
      await lab.startSecureServer(...SOON);
      await internet.join(SERVER, "--full-tunnel", way);
      await machine.run(...PING, HOST);
      const watch = await watchLeaks(machine, cable.other);
      await internet.routeBy("198.51.102.1", "2001:db8:102::1", cable.other);
      await machine.run("ip", "link", "set", client.interface, "down");
      await knockEverywhere(machine);
      await answers(machine, HOST);
      await machine.run(...PING, HOST6);
      assertEquals(await watch.leaks(), "");
    },
  );
}

await labTest("a full tunnel comes back when the client's address changes", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { lab, client } = internet;
  const { machine, interface: device } = client;
  await lab.server.run("ip", "address", "add", "198.51.103.1/30", "dev", "eth0");
  await lab.startSecureServer(...SOON);
  await internet.join(SERVER, "--full-tunnel");
  const watch = await watchLeaks(machine, device);
  await machine.run("ip", "address", "add", "198.51.103.2/30", "dev", device);
  await internet.routeBy("198.51.103.1", client.server6, device);
  await machine.run("ip", "address", "delete", `${client.host}/30`, "dev", device);
  await knockEverywhere(machine);
  await answers(machine, HOST);
  assertEquals(await watch.leaks(), "");
});

await labTest(
  "a full tunnel finds the server at its other address, also when no name is found any more",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    const { lab, client } = internet;
    const hosts = `${lab.lab.folder}/hosts`;
    await Deno.writeTextFile(hosts, `${SERVER} server.test\n${SPARE} server.test\n`);
    // Nobody answers there, and the question may go by the tunnel alone.
    const resolver = `${lab.lab.folder}/resolv.conf`;
    await Deno.writeTextFile(resolver, `nameserver ${HOST}\n`);
    await lab.startSecureServer(...SOON);
    const command = await internet.command("server.test", "--full-tunnel", "--log-level", "debug");
    const process = client.machine.start(
      withFile("/etc/hosts", hosts, withFile("/etc/resolv.conf", resolver, command)),
    );
    await connected(process);
    const first = serverOf(process, 0);
    const other = first === SERVER ? SPARE : SERVER;
    const watch = await watchLeaks(client.machine, client.interface);
    const from = process.stderr.length;
    await Deno.writeTextFile(hosts, "");
    await lab.server.run("ip", "address", "delete", `${first}/32`, "dev", "lo");
    await connected(process, 90_000, from);
    assertEquals(serverOf(process, from), other);
    assertMatch(process.stderr.slice(from), /trying the addresses that it had/);
    await client.machine.run(...PING, HOST);
    assertEquals(await watch.leaks(), "");
  },
);

await labTest("a full tunnel works where return paths are checked strictly", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { machine, interface: device } = internet.client;
  for (const name of ["all", "default", device]) {
    await machine.run("sh", "-c", `echo 1 > /proc/sys/net/ipv4/conf/${name}/rp_filter`);
  }
  await internet.lab.startSecureServer();
  await internet.join(SERVER, "--full-tunnel");
  await machine.run(...PING, HOST);
  await tcpFlows(machine, HOST, 2);
});

await labTest("a classic client can have a full tunnel", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { lab, client } = internet;
  await lab.startServer();
  const before = await networkState(client.machine);
  const { process } = await lab.startClient(client, "-s", SERVER, "--full-tunnel");
  await process.waitFor(/IPv6 gets nowhere/);
  const watch = await watchLeaks(client.machine, client.interface);
  await client.machine.run(...PING, HOST);
  await knockEverywhere(client.machine);
  assertEquals(await watch.leaks(), "");
  await process.stop();
  assertEquals(await networkState(client.machine), before);
});

await labTest(
  "a full tunnel answers nobody from afar past it, unless a rule says so",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    const { lab, client, host } = internet;
    await host.run("ip", "route", "add", "default", "via", "192.0.2.1");
    await host.run(...PING, client.host);
    await lab.startSecureServer();
    await internet.join(SERVER, "--full-tunnel");
    const watch = await watchLeaks(client.machine, client.interface);
    assertEquals((await host.try("ping", "-c", "1", "-W", "1", client.host)).success, false);
    assertEquals(await watch.leaks(), "");
    const rule = `rule add from ${client.host} lookup main priority 2000`;
    await client.machine.run("ip", ...rule.split(" "));
    await host.run(...PING, client.host);
  },
);

await labTest("a killed full tunnel stays shut; the next start opens it", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { machine, interface: device } = internet.client;
  await internet.lab.startSecureServer();
  const before = await networkState(machine);
  const { process } = await internet.join(SERVER, "--full-tunnel");
  await machine.run(...PING, HOST);
  const watch = await watchLeaks(machine, device);
  await process.stop("SIGKILL");
  await knockEverywhere(machine);
  assertEquals(await watch.leaks(), "");
  const next = await internet.rejoin();
  await machine.run(...PING, HOST);
  const other = await watchLeaks(machine, device);
  await knockEverywhere(machine);
  // Whoever watches would have seen it.
  assertMatch(await other.leaks(), /192\.0\.2\.9\.53/);
  assertEquals(next.process.stderr.includes("Everything goes"), false);
  await next.process.stop();
  assertEquals(await networkState(machine), before);
});

await labTest("cleanup undoes what a killed client left, and nothing else", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { machine } = internet.client;
  await internet.lab.startSecureServer();
  const before = await networkState(machine);
  const state = ["--state", `${internet.lab.state}-none`];
  assertMatch(await internet.runClient("cleanup", ...state), /^There was nothing to undo\n$/);
  const { process } = await internet.join(SERVER, "--full-tunnel");
  const during = await networkState(machine);
  assertMatch(await internet.runClient("cleanup", ...state), /nothing to undo/);
  assertEquals(await networkState(machine), during);
  // Another client may come and go without touching it.
  const other = ["--state", `${internet.lab.state}-other`];
  await internet.lab.manage("invite", "other", "--host", SERVER, "--no-qr").then(async (invite) => {
    const second = machine.start(
      internet.lab.secureCommand(internet.client, invite.trim(), ...other),
    );
    await connected(second);
    await second.stop();
  });
  assertEquals(await networkState(machine), during);
  await process.stop("SIGKILL");
  const done = await internet.runClient("cleanup", ...state);
  assertMatch(done, /^Undone: ip rule delete to 203\.0\.113\.10 lookup main priority 2003/m);
  assertEquals(await networkState(machine), before);
});

await labTest("a second full tunnel on one machine is refused", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { lab, client } = internet;
  await lab.startSecureServer();
  await internet.join(SERVER, "--full-tunnel");
  const invite = await lab.manage("invite", "two", "--host", SERVER, "--no-qr");
  const options = ["--full-tunnel", "--state", `${lab.state}-two`, "--log-level", "error"];
  const during = await networkState(client.machine);
  const second = client.machine.start(lab.secureCommand(client, invite.trim(), ...options));
  assertOneLine(await ending(second), 1, /Another simplevpn-client sends everything/);
  assertEquals(await networkState(client.machine), during);
});

await labTest(
  "--split sends these networks through the tunnel, and no others",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    const { machine, interface: device } = internet.client;
    await internet.lab.startSecureServer("--route", "198.18.0.0/15");
    const before = await networkState(machine);
    const options = ["--split", "192.0.2.0/24", "--split", "2001:db8:a::/64"];
    const { process, tun } = await internet.join(SERVER, ...options);
    const by = (address: string): Promise<string> => machine.run("ip", "route", "get", address);
    for (const inside of [HOST, HOST6, "10.0.0.1"]) {
      assertStringIncludes(await by(inside), `dev ${tun}`);
      await machine.run(...PING, inside);
    }
    for (const outside of ["198.18.0.1", "8.8.8.8", "2001:db8:b::1"]) {
      assertStringIncludes(await by(outside), `dev ${device}`);
    }
    await process.stop();
    assertEquals(await networkState(machine), before);
  },
);

await labTest(
  "--split leaves out a network that the server is in, and says so",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    await internet.lab.startSecureServer();
    const { process } = await internet.join(SERVER, "--split", "203.0.113.0/24");
    await process.waitFor(/lies itself in 203\.0\.113\.0\/24: left out/);
  },
);

await labTest("--no-routes takes none of what the server says", COMMANDS, async () => {
  await using internet = await Internet.open();
  const { machine, interface: device } = internet.client;
  await internet.lab.startSecureServer("--route", "192.0.2.0/24");
  const { process } = await internet.join(SERVER, "--no-routes");
  assertStringIncludes(await machine.run("ip", "route", "get", HOST), `dev ${device}`);
  await machine.run(...PING, "10.0.0.1");
  await process.stop();
  const { tun } = await internet.rejoin();
  assertStringIncludes(await machine.run("ip", "route", "get", HOST), `dev ${tun}`);
});

await labTest(
  "a client refuses routes from the server that take its default route or its LAN",
  COMMANDS,
  async () => {
    await using internet = await Internet.open();
    const { lab, client } = internet;
    const neighbour = await lab.lab.machine("neighbour");
    await lab.lab.cable(client.machine, ["192.168.1.1/24"], neighbour, ["192.168.1.2/24"]);
    const bad = ["128.0.0.0/1", "8000::/1", "64.0.0.0/2", "192.168.1.0/25", "192.168.1.2/32"];
    const routes = [...bad, "192.168.0.0/16"].flatMap((route) => ["--route", route]);
    await lab.startSecureServer(...routes);
    const { process, tun } = await internet.join(SERVER);
    for (const route of bad) {
      await process.waitFor(new RegExp(`The server offers ${route}: left out`));
    }
    const routed = await client.machine.run("ip", "route", "show", "dev", tun);
    assertMatch(routed, /192\.168\.0\.0\/16/);
    assertEquals(routed.trimEnd().split("\n").length, 2, routed);
    await client.machine.run(...PING, "192.168.1.2");
  },
);

/** Waits until a host answers through a tunnel that has to find its way first. */
async function answers(machine: Machine, host: string): Promise<void> {
  const ask = (): Promise<CommandOutput> => machine.try("ping", "-c", "1", "-W", "1", host);
  const { success, stdout } = await eventually(ask, ({ success }) => success, 60_000);
  assert(success, stdout);
}

/** Which of its addresses the server was reached at, by what was printed from a character on. */
function serverOf(process: LabProcess, from: number): string {
  return process.stderr.slice(from).match(/Connected to ([0-9.]+):2002/)![1]!;
}

await labTest(
  "a network that the machine comes into is its own from then on",
  ["ping"],
  async () => {
    await using internet = await Internet.open();
    const { lab, client: { machine } } = internet;
    await lab.startSecureServer("--route", "192.168.7.0/24");
    const { tun } = await internet.join(SERVER);
    assertStringIncludes(await machine.run("ip", "route", "get", "192.168.7.2"), `dev ${tun}`);
    const neighbour = await lab.lab.machine("neighbour");
    await lab.lab.cable(machine, ["192.168.7.1/24"], neighbour, ["192.168.7.2/24"]);
    const way = (): Promise<string> => machine.run("ip", "route", "get", "192.168.7.2");
    const isLocal = (route: string): boolean => !route.includes(tun);
    assert(isLocal(await eventually(way, isLocal)));
    await machine.run(...PING, "192.168.7.2");
  },
);
