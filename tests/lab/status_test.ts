/** What running programs tell of themselves: `status`, and metrics. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { program, type ProgramName } from "../../scripts/program.ts";
import type { ClientStatus } from "../../lib/status/client_status.ts";
import type { PeerStatus, ServerStatus } from "../../lib/status/server_status.ts";
import { assertOneLine, ending, eventually } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { type ClientMachine, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

async function serverStatus(lab: TunnelLab): Promise<ServerStatus> {
  return JSON.parse(await lab.manage("status", "--json"));
}

async function clientStatus(lab: TunnelLab, client: ClientMachine): Promise<ClientStatus> {
  return JSON.parse(await lab.manageClient(client, "status", "--json"));
}

function statusCommand(name: ProgramName, folder: string, ...options: string[]): string[] {
  return [...program(name, SOURCE), "status", "--state", folder, ...options];
}

async function peerNamed(lab: TunnelLab, name: string): Promise<PeerStatus> {
  return (await serverStatus(lab)).peers.find((peer) => peer.name === name)!;
}

/** What a GET of this path at a program's own address and port gives, head and body. */
async function get(machine: Machine, port: number, path: string): Promise<string> {
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const script = [
    `const c = await Deno.connect({ hostname: "127.0.0.1", port: ${port} });`,
    `await c.write(new TextEncoder().encode(${JSON.stringify(request)}));`,
    "console.log(await new Response(c.readable).text());",
  ];
  return await machine.run(Deno.execPath(), "eval", script.join(" "));
}

await labTest(
  "status tells who is connected, by which paths, and what passes",
  ["iperf3"],
  async () => {
    await using lab = await TunnelLab.open();
    const [one, two, three] = [await lab.addClient(), await lab.addClient(), await lab.addClient()];
    await lab.startServer();
    const pi = await lab.join(one, "pi");
    const laptop = await lab.join(two, "laptop", "--tcp");
    const classic = await lab.startClient(three);
    await lab.manage("peers", "add", "absent", new Uint8Array(32).fill(9).toBase64());
    await eventually(() => peerNamed(lab, "pi"), ({ paths }) => paths.length === 2);

    const before = await serverStatus(lab);
    assertEquals(
      before.peers.map(({ name, address, connected, paths }) => [
        name,
        address,
        connected,
        paths.map(({ carrier }) => carrier).join(),
      ]),
      [
        ["pi", pi.address, true, "tcp,udp"],
        ["laptop", laptop.address, true, "tcp"],
        ["absent", null, false, ""],
        [null, classic.address, true, "tcp"],
      ],
    );
    assertEquals(before.peers[0]!.address6, pi.address6);
    assertEquals([before.connections, before.interface, before.network], [
      4,
      "simplevpn0",
      "10.0.0.0/16",
    ]);
    for (const [i, { host }] of [one, two].entries()) {
      for (const { remote } of before.peers[i]!.paths) {
        assert(
          remote.startsWith(`${host}:`),
          remote,
        );
      }
    }

    await two.machine.run("ping", "-c", "3", "-i", "0.2", "-s", "1000", "-q", pi.address);
    const { bytes } = (await iperf(one.machine, lab.server, "10.0.0.1", "-t", "1")).sum_received;
    assert(bytes > 1e6);
    const after = await serverStatus(lab);
    const moved = (i: number, what: "bytesIn" | "bytesOut" | "packetsIn"): number =>
      after.peers[i]![what] - before.peers[i]![what];
    assert(moved(0, "bytesIn") >= bytes, `${moved(0, "bytesIn")}`);
    assert(moved(0, "packetsIn") > 3);
    // To the laptop only the answers to its pings went.
    assert(moved(1, "bytesIn") >= 3 * 1028 && moved(1, "bytesIn") < 1e5, `${moved(1, "bytesIn")}`);
    assert(moved(1, "bytesOut") >= 3 * 1028 && moved(1, "bytesOut") < 1e5);
    assertEquals(moved(3, "bytesIn"), 0);
    assert(after.totals.bytes.from_peers! - before.totals.bytes.from_peers! >= bytes);
    for (const { paths, connected } of after.peers) {
      assertEquals(paths.filter(({ active }) => active).length, Number(connected));
      for (const { roundTripMilliseconds, roundTripFrom } of paths) {
        assert(roundTripMilliseconds! > 0 && roundTripFrom !== null);
      }
    }

    const own = await clientStatus(lab, one);
    assertEquals([own.name, own.address, own.connected, own.paths.length], [
      "pi",
      pi.address,
      true,
      2,
    ]);
    assertEquals([own.server.host, own.server.port], [one.server, 2002]);
    assert(own.totals.bytes.to_peers! >= bytes);
    const old = await clientStatus(lab, three);
    assertEquals([old.classic, old.address, old.paths.length], [true, classic.address, 1]);

    const table = await lab.manage("status");
    assertMatch(table, /Connected: 2 of 3 peers, classic clients: 1; connections: 4 of/);
    assertMatch(table, /^PEER +ADDRESS +PATH +REMOTE .*\npi +10\.0\.0\.2 +TCP/m);
    assertMatch(table, /^absent +not connected$/m);
    assertMatch(await lab.manageClient(one, "status"), /^TCP( \*)? +198\.51\.100\.5:2002 /m);

    assertEquals((await laptop.process.stop()).code, 0);
    const gone = await eventually(() => peerNamed(lab, "laptop"), ({ connected }) => !connected);
    assertEquals([gone.connected, gone.connectedSince, gone.paths], [false, null, []]);
    assert(Date.parse(gone.lastSeen!) >= Date.parse(after.time));
  },
);

await labTest("status --watch goes on until it is stopped, and ends well", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const server = await lab.startSecureServer();
  await lab.join(client, "pi");
  const watch = (...options: string[]): LabProcess =>
    lab.server.start(statusCommand("server", lab.state, "--watch", ...options));
  const table = watch();
  await eventually(() => Promise.resolve(table.stdout), (text) => text.split("PEER").length > 3);
  assertEquals((await table.stop("SIGINT")).code, 0);
  // There is no terminal: one follows the other.
  assert(!table.stdout.includes("\x1b"));
  assertEquals(table.stderr, "");
  assertMatch(table.stdout, / [0-9.]+ k?bit\/s /);

  const json = watch("--json");
  await eventually(() => Promise.resolve(json.stdout), (text) => text.split("\n").length > 2);
  assertEquals((await json.stop("SIGTERM")).code, 0);
  const lines = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as ServerStatus);
  assert(lines[1]!.uptimeSeconds > lines[0]!.uptimeSeconds);

  // A reader that has enough, as head(1), and a server that ends.
  const piped = statusCommand("server", lab.state, "--watch").join(" ");
  const { code, stderr } = await lab.server.try(
    "bash",
    "-c",
    `set -o pipefail; ${piped} | head -1`,
  );
  assertEquals([code, stderr], [0, ""]);
  const last = watch();
  await eventually(() => Promise.resolve(last.stdout), (text) => text.includes("PEER"));
  assertEquals((await server.stop()).code, 0);
  const output = await ending(last);
  assertEquals(output.code, 1);
  assertMatch(output.stderr, /^simplevpn-server: simplevpn-server is not running .*\n$/);
});

await labTest("status --watch redraws a terminal that can do that", ["script"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const command = statusCommand("server", lab.state, "--watch").join(" ");
  for (const [terminal, isRedrawn] of [["xterm", true], ["dumb", false]] as const) {
    const shown = lab.server.start(["script", "-qec", command, "/dev/null"], { TERM: terminal });
    const has = (text: string): boolean => text.split("simplevpn-server 0").length > 3;
    await eventually(() => Promise.resolve(shown.stdout), has);
    await shown.stop("SIGTERM");
    assert(has(shown.stdout), shown.stdout);
    assertEquals(shown.stdout.includes("\x1b[H"), isRedrawn, JSON.stringify(shown.stdout));
  }
});

await labTest(
  "the socket is its owner's alone, goes at the end, and a killed one is replaced",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const path = `${lab.state}/server.sock`;
    const ask = (): LabProcess => lab.server.start(statusCommand("server", lab.state));
    const missing = new RegExp(
      `^simplevpn-server: simplevpn-server is not running with the state folder ${lab.state} ` +
        `\\(no one listens at ${path}\\): start it, or name its folder with --state DIR\n$`,
    );
    assertOneLine(await ending(ask()), 1, missing);
    const first = await lab.startSecureServer();
    assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
    assertEquals((await serverStatus(lab)).peers, []);
    await first.stop();
    assertEquals([...Deno.readDirSync(lab.state)].filter(({ name }) => name.includes("sock")), []);
    assertOneLine(await ending(ask()), 1, missing);

    const second = await lab.startSecureServer();
    await second.stop("SIGKILL");
    assert((await Deno.lstat(path)).isSocket);
    assertOneLine(await ending(ask()), 1, missing);
    await lab.startSecureServer();
    assert((await serverStatus(lab)).uptimeSeconds < 60);
  },
);

await labTest(
  "a state folder whose path is too long for a socket costs the status alone",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const folder = `${lab.lab.folder}/${"x".repeat(100)}`;
    const server = await lab.startSecureServer("--state", folder);
    assertMatch(server.stderr, /Nobody can ask this program for its status: .* bytes too long/);
    assertOneLine(await ending(lab.server.start(statusCommand("server", folder))), 1, /too long/);
    assertEquals((await server.stop()).code, 0);
  },
);

await labTest("metrics are what Prometheus reads", ["promtool"], async () => {
  await using lab = await TunnelLab.open();
  const [one, two] = [await lab.addClient(), await lab.addClient()];
  await lab.startServer("--metrics", "127.0.0.1:9100");
  await lab.join(one, "pi", "--metrics", "127.0.0.1:9101");
  await lab.startClient(two);
  await one.machine.run("ping", "-c", "3", "-i", "0.2", "-q", "10.0.0.1");
  for (const [machine, port] of [[lab.server, 9100], [one.machine, 9101]] as const) {
    const answer = await get(machine, port, "/metrics");
    const [head, body] = answer.split("\r\n\r\n") as [string, string];
    assertMatch(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain; version=0\.0\.4;/);
    await promtoolAccepts(body.trimEnd());
    assertMatch(body, /^simplevpn_peer_connected\{peer="[a-z0-9.:]+"\} 1$/m);
    assertMatch(body, /^simplevpn_peer_received_packets_total\{peer="[a-z0-9.:]+"\} [1-9]/m);
    assertMatch(await get(machine, port, "/"), /^HTTP\/1\.1 404 /);
  }
  assertMatch(await get(lab.server, 9100, "/metrics?x"), /peer="classic 10\.0\.255\.254"/);
});

/** Lets promtool check metrics: their syntax, and that they keep to Prometheus' conventions. */
async function promtoolAccepts(text: string): Promise<void> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    new Blob([text, "\n"]).stream().pipeTo(child.stdin),
  ]);
  const words = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assertEquals([code, words], [0, ""]);
}

await labTest("whoever says nothing, or too much, keeps nobody from the metrics", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer("--metrics", "127.0.0.1:9100");
  const flood = [
    'const to = { hostname: "127.0.0.1", port: 9100 };',
    "const idle = [];",
    "for (let i = 0; i < 12; i++) idle.push(await Deno.connect(to));",
    "const long = await Deno.connect(to);",
    "try { await long.write(new Uint8Array(1e6).fill(65)); } catch { /* It is cut off. */ }",
    'console.error("flooding"); await new Promise((end) => setTimeout(end, 60_000));',
  ];
  const flooding = lab.server.start([Deno.execPath(), "eval", flood.join(" ")]);
  await flooding.waitFor(/flooding/);
  assertMatch(await get(lab.server, 9100, "/metrics"), /^HTTP\/1\.1 200 OK/);
});

await labTest("metrics that cannot be served are a failure, said in one line", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer("--metrics", "127.0.0.1:9100");
  const state = `${lab.lab.folder}/other`;
  const options = ["--network", "10.9.0.0/16", "-p", "2003", "--state", state, "--no-ipv6"];
  const second = lab.server.start([
    ...program("server", SOURCE),
    ...options,
    "--metrics",
    "127.0.0.1:9100",
  ]);
  const taken = /Cannot serve metrics at 127\.0\.0\.1:9100: .* choose another .* with --metrics/;
  assertOneLine(await ending(second), 1, taken);
  assertEquals((await server.stop()).code, 0);
});

await labTest("a client that is not connected says so, and why", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const server = await lab.startSecureServer();
  const invite = await lab.invite(client, "pi");
  await server.stop();
  const process = client.machine.start(lab.secureCommand(client, invite));
  await process.waitFor(/No connection to/);
  const status = await clientStatus(lab, client);
  assertEquals([status.connected, status.address, status.paths], [false, null, []]);
  assert(process.stderr.includes(status.reason), status.reason);
  const table = await lab.manageClient(client, "status");
  assertMatch(table, /^Not connected to 198\.51\.100\.5 port 2002: .*refused/m);
  await lab.startSecureServer();
  await process.waitFor(/Connected to/, 60_000);
  await process.waitFor(/as well/, 60_000);
  assertEquals((await clientStatus(lab, client)).name, "pi");
  assertEquals((await process.stop()).code, 0);
});
