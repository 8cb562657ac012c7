/** A doctor of a server: each fault is made for real, and must be named. */
import { assertMatch } from "@std/assert";
import { superPacketFrame } from "../../lib/doctor/super_packet.ts";
import { assertFound, diagnose, serverDoctor } from "./doctor.ts";
import { filter, unfilter } from "./packet_filter.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const REFUSED_WRITE = ["python3", new URL("refused_write.py", import.meta.url).pathname];

/** Has port 2002 of the kinds of socket that are named. */
const HOLD = `import socket, sys
kinds = [getattr(socket, name) for name in sys.argv[1:]]
holders = [socket.socket(socket.AF_INET, kind) for kind in kinds]
for holder in holders: holder.bind(("0.0.0.0", 2002))
if socket.SOCK_STREAM in kinds: holders[kinds.index(socket.SOCK_STREAM)].listen()
print("ready", file=sys.stderr, flush=True)
holders[kinds.index(socket.SOCK_DGRAM)].recv(1)`;

await labTest("a server's doctor: its port is another program's", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  const free = await diagnose(lab.server, serverDoctor(lab));
  assertFound(free, "note", "running", /No server is seen to run/);
  assertFound(free, "ok", "port", /TCP port 2002 is free/);
  await lab.server.start(["python3", "-c", HOLD, "SOCK_STREAM", "SOCK_DGRAM"]).waitFor(/ready/);
  const held = await diagnose(lab.server, serverDoctor(lab));
  for (const protocol of ["TCP", "UDP"]) {
    const what = new RegExp(`cannot have ${protocol} port 2002`);
    assertMatch(assertFound(held, "fault", "port", what).why!, /python3 \(process \d+\)/);
  }
});

await labTest("a server's doctor: a running server has no UDP port", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer("--tcp");
  const without = await diagnose(lab.server, serverDoctor(lab));
  assertFound(without, "ok", "port", /listens on TCP port 2002/);
  assertFound(without, "note", "port", /does not serve UDP port 2002/);
  await server.stop();
  await lab.server.start(["python3", "-c", HOLD, "SOCK_DGRAM"]).waitFor(/ready/);
  await lab.startSecureServer();
  const taken = await diagnose(lab.server, serverDoctor(lab));
  assertFound(taken, "warning", "port", /UDP port 2002 is that of python3 .*, not the server's/);
});

await labTest("a server's doctor: its own packet filter is in the way", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const established = "ct state established,related accept; iif lo accept; tcp dport 22 accept;";
  const input = (rules: string): string =>
    `chain in { type filter hook input priority 0; policy drop; ${established} ${rules} }`;
  await filter(lab.server, input(""));
  const dropped = await diagnose(lab.server, serverDoctor(lab));
  for (const protocol of ["TCP", "UDP"]) {
    const what = new RegExp(`packet filter drops ${protocol} to port 2002`);
    const { mend } = assertFound(dropped, "fault", "firewall", what);
    const rule = /"sudo nft (insert rule [^"]*)"/.exec(mend!)![1]!;
    await lab.server.run("nft", rule);
  }
  assertFound(await diagnose(lab.server, serverDoctor(lab)), "ok", "firewall", /2002 be reached/);
  await unfilter(lab.server);
  await filter(lab.server, input("meta l4proto { tcp, udp } th dport 2000-2010 accept;"));
  assertFound(await diagnose(lab.server, serverDoctor(lab)), "ok", "firewall", /2002 be reached/);
});

await labTest("a server's doctor: what is to be passed on is not", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const options = ["--route", "192.168.7.0/24"];
  await lab.startSecureServer(...options);
  await lab.server.run("sysctl", "-qw", "net.ipv4.ip_forward=0");
  const command = serverDoctor(lab, ...options);
  const off = await diagnose(lab.server, command);
  const { mend } = assertFound(off, "fault", "forwarding", /net\.ipv4\.ip_forward is 0/);
  await lab.server.run(.../"sudo (sysctl -w [^"]*)"/.exec(mend!)![1]!.split(" "));
  assertFound(off, "note", "nat", /Nothing rewrites the addresses of 10\.0\.0\.0\/16/);
  await filter(
    lab.server,
    "chain forward { type filter hook forward priority 0; policy drop; }",
    "chain post { type nat hook postrouting priority 100; ip saddr 10.0.0.0/16 masquerade; }",
  );
  const filtered = await diagnose(lab.server, command);
  assertFound(filtered, "ok", "forwarding", /passes packets on/);
  assertFound(filtered, "fault", "forward-filter", /drops what clients send/);
  assertMatch(JSON.stringify(filtered.findings), /^(?!.*"nat")/);
});

await labTest("a server's doctor: networks and peers that overlap", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  await lab.server.run("ip", "address", "add", "10.0.77.1/24", "dev", "lo");
  const peer = (name: string, address: string, route: string): Record<string, unknown> => ({
    ...{ name, address, routes: [route], enabled: true, isolated: false },
    publicKey: btoa(name.padEnd(32, "-")),
    created: new Date().toISOString(),
  });
  const peers = [
    peer("one", "10.0.0.2", "192.168.0.0/16"),
    peer("two", "10.9.0.3", "192.168.7.0/24"),
    peer("three", "10.0.0.4", "10.0.4.0/24"),
  ];
  const text = JSON.stringify({ version: 1, peers, invites: [] });
  await Deno.writeTextFile(`${lab.state}/peers.json`, text, { mode: 0o600 });
  const diagnosis = await diagnose(lab.server, serverDoctor(lab));
  assertFound(
    diagnosis,
    "warning",
    "networks",
    /10\.0\.0\.0\/16 overlaps that of lo \(10\.0\.77\.1/,
  );
  assertFound(diagnosis, "warning", "peers", /behind one overlaps 192\.168\.7\.0\/24 behind two/);
  assertFound(diagnosis, "warning", "peers", /two has the address 10\.9\.0\.3, which is not in 10/);
  assertFound(diagnosis, "warning", "peers", /behind three overlaps the clients' own/);
});

await labTest("a server's doctor: damaged files, and DNS servers that are silent", [], async () => {
  await using lab = await TunnelLab.open();
  await (await lab.startSecureServer()).stop();
  await Deno.writeTextFile(`${lab.state}/peers.json`, "[]");
  await Deno.writeTextFile(`${lab.state}/timestamps.json`, "nonsense");
  const { server: dns } = await lab.addClient();
  const command = serverDoctor(lab, "--dns", dns);
  const diagnosis = await diagnose(lab.server, command);
  assertFound(diagnosis, "fault", "state", /peers\.json makes no sense/);
  assertFound(diagnosis, "warning", "state", /timestamps\.json makes no sense/);
  assertFound(diagnosis, "warning", "dns", /198\.51\.100\.5 does not answer: connection refused/);
});

await labTest("a server's doctor: a kernel that refuses super-packets", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  const length = `${superPacketFrame().length}`;
  const command = [...REFUSED_WRITE, length, ...serverDoctor(lab)];
  const refused = await diagnose(lab.server, command);
  const { why, mend } = assertFound(refused, "warning", "offload", /does not take super-packets/);
  assertMatch(`${why} ${mend}`, /EINVAL.*--no-offload/);
  const without = await diagnose(lab.server, [...command, "--no-offload"]);
  assertFound(without, "note", "offload", /off/);
});

await labTest("a server's doctor: a server that forwards and hides is well", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const options = ["--route", "192.168.7.0/24", "--nat"];
  const command = serverDoctor(lab, ...options);
  const before = await diagnose(lab.server, command);
  assertMatch(JSON.stringify(before.findings), /^(?!.*"forwarding")/);
  const server = await lab.startSecureServer(...options);
  const running = await diagnose(lab.server, command);
  assertFound(running, "ok", "forwarding", /passes packets on/);
  assertMatch(JSON.stringify(running.findings), /^(?!.*"(nat|forward-filter)")/);
  assertMatch(JSON.stringify(running.findings), /^(?!.*"leftovers")/);
  await server.stop("SIGKILL");
  const killed = await diagnose(lab.server, command);
  assertFound(
    killed,
    "warning",
    "leftovers",
    /Forwarding .* as a server that was killed made them/,
  );
  await lab.manage("cleanup");
  assertMatch(JSON.stringify((await diagnose(lab.server, command)).findings), /^(?!.*"leftovers")/);
});

await labTest("a server's doctor looks into its configuration file", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  await (await lab.startSecureServer("-p", "2005")).stop();
  await lab.server.start(["python3", "-c", HOLD, "SOCK_STREAM", "SOCK_DGRAM"]).waitFor(/ready/);
  const last = await diagnose(lab.server, serverDoctor(lab));
  assertFound(last, "ok", "port", /TCP port 2005 is free/);
  const file = `${lab.lab.folder}/server.toml`;
  await Deno.writeTextFile(file, "port = 2002\n", { mode: 0o600 });
  const configured = await diagnose(lab.server, serverDoctor(lab, "--config", file));
  assertFound(configured, "fault", "port", /cannot have TCP port 2002/);
});
