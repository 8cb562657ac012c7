/** What programs say, once and in one line, when they cannot do their work. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { program, type ProgramName } from "../../scripts/program.ts";
import { assertOneLine, ending, networkState } from "./inspection.ts";
import { withEmptyFolder, withFile, withFullDisk } from "./mounts.ts";
import { type ClientMachine, connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const NO_NET_ADMIN = ["setpriv", "--bounding-set=-net_admin"];

/** Asserts that a command ends with status 1 and one line, and leaves the machine as it was. */
async function assertFails(machine: Machine, command: string[], line: RegExp): Promise<void> {
  const before = await networkState(machine);
  assertOneLine(await ending(machine.start(command)), 1, line);
  assertEquals(await networkState(machine), before);
}

/** Either program's command, and the machine to run it on. */
async function commandOf(
  lab: TunnelLab,
  name: ProgramName,
): Promise<{ machine: Machine; command: string[] }> {
  const client = await lab.addClient();
  return name === "server"
    ? { machine: lab.server, command: lab.serverCommand() }
    : { machine: client.machine, command: lab.clientCommand(client) };
}

for (const name of ["server", "client"] as const) {
  await labTest(`simplevpn-${name} says what it may not do without root`, ["setpriv"], async () => {
    await using lab = await TunnelLab.open();
    const { machine, command } = await commandOf(lab, name);
    await assertFails(
      machine,
      [...NO_NET_ADMIN, ...command],
      /Cannot create the TUN device .*not permitted.*: run as root \(sudo\), or .*CAP_NET_ADMIN/,
    );
  });

  await labTest(`simplevpn-${name} says what to do without /dev/net/tun`, [], async () => {
    await using lab = await TunnelLab.open();
    const { machine, command } = await commandOf(lab, name);
    await assertFails(
      machine,
      withEmptyFolder("/dev/net", command),
      /Cannot open \/dev\/net\/tun: .*modprobe tun/,
    );
  });

  await labTest(`simplevpn-${name} says that a TUN name is taken`, [], async () => {
    await using lab = await TunnelLab.open();
    const { machine, command } = await commandOf(lab, name);
    await machine.run("ip", "tuntap", "add", "mode", "tun", "name", "taken0");
    await assertFails(
      machine,
      [...command, "--tun", "taken0"],
      /Cannot create the TUN device "taken0": .*"ip link show taken0" tells by what/,
    );
  });
}

await labTest("a server says that its port is in use", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  await assertFails(
    lab.server,
    lab.serverCommand("--network", "10.86.0.0/16", "--state", `${lab.state}2`),
    /Cannot listen on TCP port 2002: .*another program has it/,
  );
});

await labTest("a second server says that one is running already", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  await assertFails(
    lab.server,
    lab.serverCommand(),
    /Another simplevpn-server is running with the state folder .*: end that one first/,
  );
});

await labTest("a server says that an address to listen on is not its machine's", [], async () => {
  await using lab = await TunnelLab.open();
  await assertFails(
    lab.server,
    lab.serverCommand("--listen", "192.0.2.1"),
    /Cannot listen on TCP port 2002 of 192\.0\.2\.1: .*no such address/,
  );
});

await labTest("a server says that --listen needs an address", [], async () => {
  await using lab = await TunnelLab.open();
  await assertFails(
    lab.server,
    lab.serverCommand("--listen", "localhost"),
    /Cannot listen on "localhost": it is no IPv4 or IPv6 address/,
  );
});

await labTest("a server says that its network overlaps one of its machine", [], async () => {
  await using lab = await TunnelLab.open();
  const { server } = await lab.addClient();
  await assertFails(
    lab.server,
    lab.serverCommand("--network", "198.51.0.0/16"),
    new RegExp(`Cannot use the network 198\\.51\\.0\\.0/16: eth0 has ${server}/30, which overlaps`),
  );
});

await labTest("a server says that it cannot keep its state", [], async () => {
  await using lab = await TunnelLab.open();
  await assertFails(
    lab.server,
    lab.serverCommand().map((argument) => argument === lab.state ? "/proc/nowhere" : argument),
    /Cannot keep state in \/proc\/nowhere: .*--state DIR/,
  );
});

await labTest("a disk that is full keeps neither program from its work", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const before = await lab.startSecureServer();
  await (await lab.join(client, "pi")).process.stop();
  await before.stop();
  const state = lab.clientState(client);
  await Deno.writeTextFile(`${state}/timestamp`, "1\n");
  const server = lab.server.start(withFullDisk(lab.state, lab.serverCommand()));
  await server.waitFor(/Listening on/);
  assertMatch(
    server.stderr,
    /Cannot write \S*\/server\.json: no space left .*: make room \("df -h /,
  );
  const process = client.machine.start(withFullDisk(state, lab.secureCommand(client)));
  await connected(process);
  assertMatch(process.stderr, /Cannot write \S*\/timestamp: no space left on device \(ENOSPC\): /);
  const invite = ["invite", "laptop", "--host", client.server, "--state", lab.state];
  assertOneLine(
    await lab.server.try(...withFullDisk(lab.state, [...program("server", SOURCE), ...invite])),
    1,
    /Cannot write \S*\/peers\.json: no space left on device \(ENOSPC\): make room/,
  );
});

await labTest("a client says that its server's name does not exist", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const sources = `${lab.lab.folder}/nsswitch.conf`;
  await Deno.writeTextFile(sources, "hosts: files\n");
  await assertFails(
    client.machine,
    withFile("/etc/nsswitch.conf", sources, lab.clientCommand(client, "-s", "nowhere.test")),
    /Cannot find the server "nowhere\.test": .*check the name/,
  );
});

await labTest(
  "a client whose DNS does not answer tries for a while, then says so",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const resolver = `${lab.lab.folder}/resolv.conf`;
    await Deno.writeTextFile(resolver, "nameserver 127.0.0.1\n");
    const command = lab.clientCommand(client, "-s", "server.test");
    const process = client.machine.start(withFile("/etc/resolv.conf", resolver, command));
    await process.waitFor(/No connection to server\.test port 2002: .*; trying on/);
    const { code, stderr } = await ending(process);
    assertEquals(code, 1, stderr);
    assertEquals(/\nsimplevpn-client: Cannot find the server "server\.test": /.test(stderr), true);
  },
);

await labTest("a client says that its server lies in the tunnel's network", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await serveFrom("10.0.99.1", lab, client);
  await assertFails(
    client.machine,
    lab.clientCommand(client, "-s", "10.0.99.1"),
    /Cannot use the server 10\.0\.99\.1: its network 10\.0\.0\.0\/16 .*: the server 10\.0\.99\.1.* lies in it/,
  );
});

await labTest(
  "a client leaves its gateway and its own address outside of the tunnel",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const { machine, interface: device } = client;
    await lab.server.run("ip", "address", "add", "192.168.1.201/24", "dev", "eth0");
    await lab.server.run("ip", "route", "add", "192.168.1.7/32", "dev", "eth0");
    await machine.run("ip", "address", "add", "192.168.1.7/24", "dev", device);
    const inLan = ["--network", "192.168.1.0/25"];
    const server = await lab.startServer(...inLan);
    await assertFails(
      machine,
      lab.clientCommand(client, "-s", "192.168.1.201", ...inLan),
      /its network 192\.168\.1\.0\/25 .*: this machine's own address 192\.168\.1\.7 lies in it/,
    );
    await machine.run("ip", "route", "add", "default", "via", "192.168.1.1");
    await assertFails(
      machine,
      lab.clientCommand(client, ...inLan),
      /its network 192\.168\.1\.0\/25 .*: this machine's gateway 192\.168\.1\.1 lies in it/,
    );
    await server.stop();

    const router = "via 192.168.9.1 onlink metric 5".split(" ");
    await machine.run("ip", "route", "add", "default", "dev", device, ...router);
    await lab.startSecureServer("--route", "192.168.9.0/24", "--route", "192.168.10.0/24");
    const { process, tun } = await lab.join(client, "pi");
    assertMatch(
      process.stderr,
      /offers 192\.168\.9\.0\/24: left out, this machine's gateway 192\.168\.9\.1 lies in it/,
    );
    const routes = await machine.run("ip", "route", "show", "dev", tun, "proto", "202");
    assertMatch(routes, /^192\.168\.10\.0\/24 scope link *\n$/);
  },
);

await labTest("a client told of a smaller network can use a server next to it", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await serveFrom("10.0.99.1", lab, client);
  await lab.startClient(client, "-s", "10.0.99.1", "--network", "10.0.0.0/24");
});

/** A server of 10.0.0.0/24 whose outer address a client reaches by its default route. */
async function serveFrom(outer: string, lab: TunnelLab, client: ClientMachine): Promise<void> {
  await lab.server.run("ip", "address", "add", `${outer}/32`, "dev", "lo");
  await client.machine.run("ip", "route", "add", "default", "via", client.server);
  await lab.startServer("--network", "10.0.0.0/24");
}

for (const name of ["server", "client"] as const) {
  await labTest(`simplevpn-${name} ends when its TUN device is deleted`, [], async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    const { process, tun } = await lab.startClient(client);
    const [machine, program] = name === "server" ? [lab.server, server] : [client.machine, process];
    await machine.run("ip", "link", "delete", tun);
    const { code, stderr } = await ending(program);
    assertEquals(code, 1, stderr);
    const last = stderr.trimEnd().split("\n").at(-1)!;
    assertEquals(last.startsWith(`simplevpn-${name}: The packet worker on ${tun} ended: `), true);
  });
}
