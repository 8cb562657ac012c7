/** A doctor of a client: each fault is made for real, and must be named. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { toBase64 } from "../../lib/config/base64.ts";
import {
  assertFound,
  assertHealthy,
  clientDoctor,
  diagnose,
  serverDoctor,
  startDns,
} from "./doctor.ts";
import { withEmptyFolder, withFile } from "./mounts.ts";
import { block, filter, unfilter } from "./packet_filter.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const NO_NET_ADMIN = ["setpriv", "--bounding-set=-net_admin"];
const OTHER_KEY = toBase64(new Uint8Array(32).fill(9));
const ECHO = `import socket
listener = socket.create_server(("0.0.0.0", 2002))
print("ready", file=__import__("sys").stderr, flush=True)
while True:
    connection, _ = listener.accept()
    connection.sendall(connection.recv(4096))`;

/** The state folder that `TunnelLab.secureCommand()` gives a client. */
function stateOf(lab: TunnelLab, { machine }: ClientMachine): string {
  return `${lab.state}-${machine.namespace}`;
}

/** The key of the server that a client has joined. */
async function serverKeyOf(lab: TunnelLab, client: ClientMachine): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${stateOf(lab, client)}/joined.json`)).publicKey;
}

/** A server, and a client that has joined it and ended. */
async function joinAndStop(lab: TunnelLab): Promise<ClientMachine> {
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi");
  await process.stop();
  return client;
}

await labTest(
  "where all is well the doctors say so, and disturb nobody",
  ["ping", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer();
    const client = await lab.addClient();
    const { process } = await lab.join(client, "pi");
    await process.waitFor(/The server is reached over UDP as well/);
    const [said, heard] = [process.stderr, server.stderr];
    await startDns(lab.server);
    const dns = `${lab.lab.folder}/resolv.conf`;
    await Deno.writeTextFile(dns, `nameserver ${client.server}\n`);
    const atClient = withFile("/etc/resolv.conf", dns, clientDoctor(lab, client));
    const running = await diagnose(client.machine, atClient);
    assertHealthy(running);
    for (const check of ["tunnel", "tunnel-mtu", "tcp", "udp", "networks", "dns", "loop"]) {
      assertFound(running, "ok", check, /./);
    }
    const atServer = withFile("/etc/resolv.conf", dns, serverDoctor(lab));
    const serving = await diagnose(lab.server, atServer);
    assertHealthy(serving);
    const { what } = assertFound(serving, "ok", "key", /The server's key is/);
    assert(server.stderr.includes(what.split(" ").at(-1)!));
    assertEquals([process.stderr, server.stderr], [said, heard]);
    await client.machine.run("ping", "-c", "1", "-W", "2", "10.0.0.1");
    await process.stop();
    const stopped = await diagnose(client.machine, atClient);
    assertHealthy(stopped);
    assertFound(stopped, "ok", "admission", /lets this machine in, as pi, 10\.0\.0\.2/);
    assertFound(stopped, "ok", "path-mtu", /1472/);
    const again = client.machine.start(lab.secureCommand(client));
    await connected(again);
    // Its timestamps are ahead of the clock now, and so of the doctor's.
    assertHealthy(await diagnose(client.machine, atClient));
  },
);

await labTest("a doctor says what it found in lines as well", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const command = clientDoctor(lab, client).filter((word) => word !== "--json");
  const { code, stdout, stderr } = await client.machine.try(...command);
  assertEquals(code, 1);
  assertMatch(stdout, /^ok +tun-device +A TUN device can be made$/m);
  assertMatch(
    stdout,
    /^FAULT +server +There is no server to connect to\n +why: .*\n +do: +on the/m,
  );
  assertMatch(stderr, /^simplevpn-client: 1 fault, \d warnings?\n$/);
});

await labTest("an invite that a doctor looks at can still be used", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  const invite = await lab.invite(client, "pi");
  const diagnosis = await diagnose(client.machine, clientDoctor(lab, client, invite));
  for (const check of ["tcp", "udp"]) assertFound(diagnosis, "ok", check, /answers the handshake/);
  await connected(client.machine.start(lab.secureCommand(client, invite)));
  await lab.manage("invite", "lost", "--host", client.server, "--no-qr");
});

await labTest("a client's doctor: no TUN device, or no right to one", ["setpriv"], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const command = clientDoctor(lab, client);
  const missing = await diagnose(client.machine, withEmptyFolder("/dev/net", command));
  const { mend } = assertFound(missing, "fault", "tun-device", /\/dev\/net\/tun is missing/);
  assertMatch(mend!, /modprobe tun.*--device \/dev\/net\/tun/);
  const barred = await diagnose(client.machine, [...NO_NET_ADMIN, ...command]);
  assertFound(barred, "fault", "tun-device", /may not make a TUN device/);
  await client.machine.run("ip", "tuntap", "add", "mode", "tun", "name", "taken0");
  const taken = await diagnose(client.machine, [...command, "--tun", "taken0"]);
  assertFound(taken, "fault", "tun-device", /"taken0" is taken/);
});

await labTest("a client's doctor: the server's name, and the DNS servers", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const [sources, dns] = ["nsswitch.conf", "resolv.conf"].map((file) =>
    `${lab.lab.folder}/${file}`
  );
  await Deno.writeTextFile(sources!, "hosts: files\n");
  await Deno.writeTextFile(dns!, `nameserver ${client.server}\n`);
  const command = clientDoctor(lab, client, "-s", "nowhere.test", "--server-key", OTHER_KEY);
  const diagnosis = await diagnose(
    client.machine,
    withFile("/etc/nsswitch.conf", sources!, withFile("/etc/resolv.conf", dns!, command)),
  );
  assertFound(diagnosis, "fault", "server-name", /nowhere\.test does not resolve/);
  assertFound(diagnosis, "warning", "dns", /198\.51\.100\.5 does not answer/);
});

await labTest("a client's doctor: ports that are closed, blocked, or out of reach", [
  "nft",
  "python3",
], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer();
  const client = await joinAndStop(lab);
  const command = clientDoctor(lab, client);
  await block(lab.server, "udp");
  const noUdp = await diagnose(client.machine, command);
  assertFound(noUdp, "ok", "tcp", /answers the handshake/);
  assertFound(noUdp, "warning", "udp", /no answer, while another way is open/);
  const udpOnly = await diagnose(client.machine, clientDoctor(lab, client, "-u"));
  assertFound(udpOnly, "fault", "udp", /over UDP: no answer/);
  await unfilter(lab.server);
  await block(lab.server, "tcp");
  const noTcp = await diagnose(client.machine, command);
  assertFound(noTcp, "warning", "tcp", /over TCP: no answer/);
  assertFound(noTcp, "ok", "udp", /answers the handshake/);
  assertFound(noTcp, "ok", "admission", /lets this machine in/);
  await unfilter(lab.server);
  await server.stop();
  const closed = await diagnose(client.machine, command);
  assertFound(closed, "fault", "tcp", /over TCP: refused/);
  assertFound(closed, "fault", "udp", /over UDP: refused/);
  const echo = lab.server.start(["python3", "-c", ECHO]);
  await echo.waitFor(/ready/);
  const foreign = await diagnose(client.machine, command);
  assertFound(foreign, "fault", "tcp", /something else than this server answers/);
  const far = clientDoctor(lab, client, "-s", "192.0.2.77", "--server-key", OTHER_KEY);
  const unreachable = await diagnose(client.machine, far);
  assertFound(unreachable, "fault", "tcp", /unreachable: network is unreachable/);
});

await labTest("a client's doctor tries all addresses of the server", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await joinAndStop(lab);
  const key = await serverKeyOf(lab, client);
  const hosts = `${lab.lab.folder}/hosts`;
  const addresses = [client.server, client.server6, "192.0.2.77"];
  await Deno.writeTextFile(hosts, addresses.map((host) => `${host} server.test\n`).join(""));
  const command = clientDoctor(lab, client, "-s", "server.test", "--server-key", key);
  const diagnosis = await diagnose(client.machine, withFile("/etc/hosts", hosts, command));
  for (const carrier of ["tcp", "udp"]) {
    assertFound(diagnosis, "ok", carrier, /^198\.51\.100\.5:2002 over .* answers the handshake/);
    assertFound(diagnosis, "ok", carrier, /^\[2001:db8:1::1\]:2002 over .* answers the handshake/);
    assertFound(diagnosis, "note", carrier, /^192\.0\.2\.77:2002 over .* unreachable/);
  }
  const servers = ["-s", client.server, "-s", "192.0.2.77"];
  const keys = ["--server-key", key, "--server-key", OTHER_KEY];
  const both = await diagnose(client.machine, clientDoctor(lab, client, ...servers, ...keys));
  assertFound(both, "ok", "admission", /lets this machine in/);
  assertFound(both, "warning", "tcp", /^192\.0\.2\.77:2002 over TCP: unreachable/);
  assertEquals(both.code, 0);
});

await labTest("a client's doctor: another key, and a peer that is not known", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await joinAndStop(lab);
  const command = clientDoctor(lab, client);
  const wrongKey = clientDoctor(lab, client, "-s", client.server, "--server-key", OTHER_KEY);
  const wrong = await diagnose(client.machine, wrongKey);
  assertFound(wrong, "fault", "handshake", /whoever listens there has another key than CQkJ/);
  await lab.manage("peers", "disable", "pi");
  const disabled = await diagnose(client.machine, command);
  const { mend } = assertFound(disabled, "fault", "admission", /this client is disabled there/);
  assertMatch(mend!, /peers enable/);
  assertFound(await diagnose(lab.server, serverDoctor(lab)), "note", "peers", /Disabled.*: pi$/);
  await lab.manage("peers", "remove", "pi");
  const removed = await diagnose(client.machine, command);
  assertFound(removed, "fault", "handshake", /the server does not know this machine, whose key is/);
  const key = await serverKeyOf(lab, client);
  const named = ["-s", client.server, "--server-key", key, "--state", `${lab.state}-new`];
  const fresh = await diagnose(client.machine, clientDoctor(lab, client, ...named));
  assertFound(fresh, "fault", "handshake", /this machine, which has no key/);
  await block(lab.server, "udp");
  const unsure = await diagnose(client.machine, command);
  const { why } = assertFound(unsure, "fault", "handshake", /another key/);
  assertMatch(why!, /if UDP is blocked, it does not know this machine/);
});

await labTest("a client's doctor: a path and a tunnel that lose long packets", [
  "nft",
  "ping",
], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await joinAndStop(lab);
  const command = clientDoctor(lab, client);
  await filter(
    lab.server,
    "chain in { type filter hook prerouting priority -300; meta l4proto udp meta length > 1400 drop; }",
  );
  const path = await diagnose(client.machine, command);
  // Lengths are tried in steps of 20 bytes.
  assertFound(
    path,
    "warning",
    "path-mtu",
    /Packets of 1500 bytes vanish on the way; 13(88|68) pass/,
  );
  await unfilter(lab.server);
  await connected(client.machine.start(lab.secureCommand(client, "--tcp")));
  await filter(
    lab.server,
    'chain in { type filter hook prerouting priority -300; iifname "simplevpn0" meta length > 1250 drop; }',
  );
  const tunnel = await diagnose(client.machine, command);
  assertFound(tunnel, "ok", "tunnel", /answers through the tunnel/);
  assertFound(
    tunnel,
    "fault",
    "tunnel-mtu",
    /Packets of \d+ bytes vanish in the tunnel; 1200 pass/,
  );
  await filter(
    lab.server,
    'chain out { type filter hook prerouting priority -300; iifname "simplevpn0" drop; }',
  );
  const dead = await diagnose(client.machine, command);
  assertFound(dead, "fault", "tunnel", /the server does not answer through it \(10\.0\.0\.1\)/);
});

await labTest("a client's doctor: routes that lead astray, and leftovers", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await joinAndStop(lab);
  const command = clientDoctor(lab, client);
  await client.machine.run("ip", "address", "add", "10.0.9.1/24", "dev", "lo");
  const stale = "from 10.0.9.9 lookup 20999999 priority 2002 protocol 202";
  await client.machine.run("ip", "rule", "add", ...stale.split(" "));
  const diagnosis = await diagnose(client.machine, command);
  assertFound(
    diagnosis,
    "warning",
    "networks",
    /10\.0\.0\.0\/16 overlaps that of lo \(10\.0\.9\.1/,
  );
  const { mend } = assertFound(
    diagnosis,
    "warning",
    "leftovers",
    /client that was killed: ip rule from 10\.0/,
  );
  assertMatch(JSON.stringify(diagnosis.findings), /^(?!.*DNS settings are still)/);
  await Deno.writeTextFile(`${stateOf(lab, client)}/dns.json`, "{}");
  const killed = await diagnose(client.machine, command);
  assertFound(
    killed,
    "warning",
    "leftovers",
    /The DNS settings are still as a client that was killed/,
  );
  await Deno.remove(`${stateOf(lab, client)}/dns.json`);
  const told = /"sudo (ip rule delete [^"]*)"/.exec(mend!)![1]!;
  await client.machine.run(...told.split(" "));
  await client.machine.run("ip", "address", "delete", "10.0.9.1/24", "dev", "lo");
  const process = client.machine.start(lab.secureCommand(client));
  const { tun } = await connected(process);
  const lead = ["ip", "route", "replace", `${client.server}/32`, "dev", tun] as const;
  await client.machine.run(...lead);
  // The client outlives it, whatever the server says meanwhile; routes go with the old address.
  await lab.manage("peers", "set", "pi", "--address", "10.0.0.9");
  await process.waitFor(/The server changed this machine/);
  await client.machine.run(...lead);
  const loop = await diagnose(client.machine, command);
  assertFound(loop, "fault", "loop", /198\.51\.100\.5 go into its own tunnel, simplevpn0/);
});

await labTest(
  "a client's doctor: what is wrong with a state folder, and the clock",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startSecureServer();
    const client = await joinAndStop(lab);
    const folder = stateOf(lab, client);
    const command = clientDoctor(lab, client);
    await Deno.chmod(`${folder}/client.key`, 0o644);
    const later = Date.now() + 3_600_000;
    await Deno.writeTextFile(`${folder}/timestamp`, `${later}\n`);
    const open = await diagnose(client.machine, command);
    assertFound(open, "warning", "state", /Others than its owner can read .*client\.key/);
    assertFound(open, "warning", "clock", /but it was .* already/);
    // The handshake is made as the client would make it: past the latest that it made.
    assertFound(open, "ok", "admission", /lets this machine in/);
    assertEquals(Number(await Deno.readTextFile(`${folder}/timestamp`)) > later, true);
    await Deno.writeTextFile(`${folder}/joined.json`, "{");
    const damaged = await diagnose(client.machine, command);
    assertFound(damaged, "fault", "state", /joined\.json makes no sense/);
    const mount = (options: string): string[] => [
      ...["sh", "-c", `mount -t tmpfs -o ${options} none "$1" && shift && exec "$@"`, "sh", folder],
      ...command,
    ];
    const full = await diagnose(client.machine, mount("size=64k"));
    const { mend } = assertFound(full, "fault", "state", /Nothing can be written to/);
    assertMatch(mend!, /df -h/);
    const readOnly = await diagnose(client.machine, mount("ro"));
    assertMatch(assertFound(readOnly, "fault", "state", /Nothing can be/).mend!, /findmnt -T/);
  },
);

await labTest("a client's doctor looks at classic servers, too", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  const command = clientDoctor(lab, client, "--classic", "-s", client.server);
  const at = command.indexOf("--state");
  command.splice(at, 2);
  assertFound(await diagnose(client.machine, command), "ok", "tcp", /the connection is made/);
  await server.stop();
  assertFound(await diagnose(client.machine, command), "fault", "tcp", /connection refused/);
});

await labTest(
  "a client whose server is gone is not connected, whatever its interface has",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer();
    const client = await lab.addClient();
    const { process } = await lab.join(client, "pi");
    await server.stop();
    await process.waitFor(/Lost the connection/);
    const diagnosis = await diagnose(client.machine, clientDoctor(lab, client));
    assertFound(
      diagnosis,
      "warning",
      "tunnel",
      /not connected: .*the server says that it is stopping/,
    );
    for (const carrier of ["tcp", "udp"]) assertFound(diagnosis, "fault", carrier, /refused/);
  },
);

await labTest("a client that gets no connection names its doctor, whom it does not mind", [
  "nft",
], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await joinAndStop(lab);
  await block(lab.server, "{ tcp, udp }");
  const process = client.machine.start(lab.secureCommand(client));
  await process.waitFor(/No connection to .* trying on/, 60_000);
  const diagnosis = await diagnose(client.machine, clientDoctor(lab, client));
  assertFound(diagnosis, "warning", "tunnel", /running \(process \d+\), and not connected/);
  assertFound(diagnosis, "fault", "tcp", /over TCP: no answer/);
  await process.waitFor(/Not connected yet; "simplevpn-client doctor"/, 60_000);
  await unfilter(lab.server);
  await connected(process, 60_000);
});
