/** Programs that are told what to do by configuration files, and read them anew. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { RulePriority, tableOf } from "../../daemon/routing_rules.ts";
import { program, type ProgramName } from "../../scripts/program.ts";
import type { LabProcess } from "../../scripts/lab.ts";
import { startEcho } from "./flows.ts";
import { assertOneLine, countersOf, ending, eventually } from "./inspection.ts";
import {
  type ClientMachine,
  connected,
  type ConnectedClient,
  labTest,
  SOURCE,
  TunnelLab,
} from "./tunnel_lab.ts";

/** A server and a client on machines of their own, started from files alone. */
class ConfigLab implements AsyncDisposable {
  readonly lab: TunnelLab;
  readonly client: ClientMachine;
  readonly #folder: string;

  private constructor(lab: TunnelLab, client: ClientMachine) {
    this.lab = lab;
    this.client = client;
    this.#folder = lab.lab.folder;
  }

  static async open(): Promise<ConfigLab> {
    const lab = await TunnelLab.open();
    return new ConfigLab(lab, await lab.addClient());
  }

  file(name: ProgramName): string {
    return `${this.#folder}/${name}.toml`;
  }

  state(name: ProgramName): string {
    return `${this.#folder}/state-${name}`;
  }

  /** Writes a file; the state folder is added to what it says. */
  write(name: ProgramName, ...lines: string[]): void {
    const text = [...lines, `state = "${this.state(name)}"`, ""].join("\n");
    Deno.writeTextFileSync(this.file(name), text);
  }

  command(name: ProgramName, ...args: string[]): string[] {
    return [...program(name, SOURCE), "--config", this.file(name), ...args];
  }

  async startServer(...lines: string[]): Promise<LabProcess> {
    this.write("server", ...lines);
    const server = this.lab.server.start(this.command("server"));
    await server.waitFor(/Listening on/);
    return server;
  }

  async startClient(...lines: string[]): Promise<ConnectedClient> {
    const invite = await this.lab.server.run(
      ...program("server", SOURCE),
      ...["invite", "pi", "--host", this.client.server, "--no-qr", "--state", this.state("server")],
    );
    Deno.writeTextFileSync(`${this.#folder}/invite`, invite);
    this.write("client", `invite-file = "${this.#folder}/invite"`, ...lines);
    const process = this.client.machine.start(this.command("client"));
    return { process, ...await connected(process) };
  }

  /** Runs a command that a running program answers, and gives its stdout. */
  ask(name: ProgramName, ...words: string[]): Promise<string> {
    const machine = name === "server" ? this.lab.server : this.client.machine;
    return machine.run(...program(name, SOURCE), ...words, "--state", this.state(name));
  }

  /** Runs the command that asks a running program to read its file anew. */
  reload(name: ProgramName): ReturnType<TunnelLab["server"]["try"]> {
    const machine = name === "server" ? this.lab.server : this.client.machine;
    return machine.try(...program(name, SOURCE), "reload", "--state", this.state(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** Waits for what a reload says in the log. */
async function reloaded(process: LabProcess, act: () => unknown): Promise<string> {
  const from = process.stderr.length;
  await act();
  return (await process.waitFor(/(?:Read .* anew: |Cannot use ).*\n/, undefined, from))[0];
}

await labTest("both programs do what their files say", [], async () => {
  await using it = await ConfigLab.open();
  const server = await it.startServer(
    "# The server",
    "port = 2003",
    'network = ["10.86.0.0/24", "fd86::/64"]',
    'tun = "inner0"',
    'route = "192.168.7.0/24"',
    "tcp = true",
  );
  assertMatch(server.stderr, /Serving 10\.86\.0\.0\/24 and fd86::\/64 .* on inner0/);
  assertMatch(server.stderr, /Listening on TCP port 2003/);
  const { address, tun } = await it.startClient('address = "10.86.0.77"', 'tun = "vpn7"');
  assertEquals([address, tun], ["10.86.0.77", "vpn7"]);
  assertStringIncludes(await it.client.machine.run("ip", "route"), "192.168.7.0/24 dev vpn7");
});

await labTest("the command line wins over the file", [], async () => {
  await using it = await ConfigLab.open();
  it.write("server", "port = 2003", 'tun = "inner0"');
  const server = it.lab.server.start(it.command("server", "-p", "2004"));
  await server.waitFor(/Listening on .* port 2004/);
  assertMatch(server.stderr, /on inner0/);
});

/** What must not be accepted, as text of a file, and what has to be said about it. */
const BAD: [name: ProgramName, lines: string[], complaints: RegExp[]][] = [
  ["server", ['port = "70000"'], [/server\.toml:1: port: "70000" is not a whole number from 1/]],
  ["server", ["", "netwrok = 1"], [
    /server\.toml:2: Unknown key "netwrok": did you mean "network"/,
  ]],
  ["server", ["listen = 0.0.0.0"], [/server\.toml:1: No TOML: .* \(text stands in quotes\)/]],
  ["client", ["udp = true", "tcp = true"], [
    /client\.toml:1: The options --tcp and -u exclude each/,
  ]],
  ["server", ["isolate = 1", "mtu = 1", "x = 1"], [
    /server\.toml:1: isolate: this is a number, not true or false/,
    /server\.toml:2: mtu: "1" is not/,
    /server\.toml:3: Unknown key "x"/,
  ]],
];
for (const [name, lines, complaints] of BAD) {
  await labTest(
    `a file for simplevpn-${name} with ${JSON.stringify(lines)} is refused`,
    [],
    async () => {
      await using it = await ConfigLab.open();
      it.write(name, ...lines);
      const outputs = [
        await ending(it.lab.server.start(it.command(name))),
        await it.lab.server.try(...program(name, SOURCE), "check-config", it.file(name)),
      ];
      for (const { code, stdout, stderr } of outputs) {
        const said = stderr.trimEnd().split("\n");
        assertEquals([code, stdout, said.length], [2, "", complaints.length], stderr);
        said.forEach((line, i) => {
          assertMatch(line, complaints[i]!);
          assert(line.startsWith(`simplevpn-${name}: `), line);
        });
      }
    },
  );
}

await labTest("a file that is fine is said to be, one that cannot be read is not", [], async () => {
  await using it = await ConfigLab.open();
  for (const name of ["server", "client"] as const) {
    it.write(name, 'log-level = "debug"');
    const check = (file: string): ReturnType<TunnelLab["server"]["try"]> =>
      it.lab.server.try(...program(name, SOURCE), "check-config", file);
    const { code, stdout, stderr } = await check(it.file(name));
    assertEquals([code, stdout, stderr], [0, `${it.file(name)} is fine\n`, ""]);
    for (const file of ["/nowhere.toml", "/", "/dev/zero"]) {
      assertOneLine(await check(file), 1, /Cannot read the configuration file \//);
      const start = it.lab.server.start([...program(name, SOURCE), "--config", file]);
      assertOneLine(await ending(start), 1, /Cannot read the configuration file \//);
    }
    assertOneLine(await it.reload(name), 1, /is not running with the state folder/);
  }
});

/** One TCP connection to flows.py's echo, used until SIGINT comes; says each time it was there and back. */
const FLOW = `
import os, signal, socket, sys
ended = []
signal.signal(signal.SIGINT, lambda *_: ended.append(True))
with socket.create_connection((sys.argv[1], 7778), 30) as link:
    while not ended:
        sent, came = os.urandom(30000), b""
        link.sendall(sent)
        while len(came) < len(sent): came += link.recv(65536) or sys.exit("the flow ended")
        if came != sent: sys.exit("other bytes came back")
        print("round", file=sys.stderr, flush=True)
`;

for (const way of ["SIGHUP", "the command"] as const) {
  await labTest(
    `a reload by ${way} reaches connected clients, and touches nothing else`,
    ["ping", "python3"],
    async () => {
      await using it = await ConfigLab.open();
      const before = ['route = "192.168.7.0/24"', "port = 2002"];
      const server = await it.startServer(...before);
      // What is pushed here must not become this machine's own DNS.
      const { process, tun } = await it.startClient("no-dns = true");
      await process.waitFor(/reached over .* as well/);
      const reload = async (): Promise<string> =>
        await reloaded(
          server,
          () => way === "SIGHUP" ? server.kill("SIGHUP") : it.reload("server"),
        );
      const ping = it.client.machine.start(["ping", "-q", "-i", "0.02", "10.0.0.1"]);
      await startEcho(it.lab.server);
      const flow = it.client.machine.start(["python3", "-c", FLOW, "10.0.0.1"]);
      await flow.waitFor(/round/);

      const [said, drops] = [process.stderr, (await countersOf(server)).drops];
      assertMatch(await reload(), /nothing is another than before/);
      it.write("server", ...before, "isolate = true", "max-clients = 50", "mtu = 1400");
      assertMatch(
        await reload(),
        /in force now: isolate, max-clients; from the next start on: mtu/,
      );
      const status = JSON.parse(await it.ask("server", "status", "--json"));
      assertEquals([status.maxConnections, status.peers[0].isolated, status.mtu], [50, true, 1500]);
      assertEquals(process.stderr, said);

      const from = process.stderr.length;
      it.write(
        "server",
        'route = ["192.168.8.0/24", "192.168.9.0/24"]',
        "port = 2003",
        'dns = "10.0.0.1"',
      );
      assertMatch(
        await reload(),
        /in force now: route, dns, isolate, max-clients; from the next start on: port/,
      );
      await process.waitFor(/changed this machine's settings/, undefined, from);
      const routes = await eventually(
        () => it.client.machine.run("ip", "route", "show", "dev", tun),
        (routes) => routes.includes("192.168.9.0/24"),
      );
      assertStringIncludes(routes, "192.168.8.0/24");
      assert(!routes.includes("192.168.7.0/24"), routes);

      it.write("server", "port = 0", 'route = "192.168.6.0/24"');
      assertMatch(await reload(), /Cannot use .*: going on as before/);
      assertMatch(server.stderr, /server\.toml:1: port: "0" is not a whole number/);

      await flow.waitFor(/round\nround/, undefined, flow.stderr.length);
      assertEquals((await flow.stop("SIGINT")).code, 0, flow.stderr);
      assertEquals((await ping.stop("SIGINT")).code, 0);
      const [, sent, received] = ping.stdout.match(/(\d+) packets transmitted, (\d+) received/)!;
      assert(Number(sent) - Number(received) <= 1, ping.stdout);
      assertEquals((await countersOf(server)).drops, drops);
      assertEquals(
        process.stderr.match(/Connected to|Lost the connection/g)?.length,
        1,
        process.stderr,
      );
      assertEquals(process.stderr.match(/changed this machine's settings/g)?.length, 1);
      assertEquals(server.stderr.match(/ joined | left/g)?.length, 1, server.stderr);
    },
  );
}

/** Has a connected client follow what its file says of routes and hooks, and go on as before if it cannot. */
async function testClientChoices(it: ConfigLab, tun: string): Promise<void> {
  const { machine } = it.client;
  const routes = (): Promise<string> => machine.run("ip", "route", "show", "dev", tun);
  const rules = (): Promise<string> => machine.run("ip", "rule");
  const reload = async (...lines: string[]): Promise<string> => {
    it.write("client", "no-dns = true", ...lines);
    const { stdout, stderr } = await it.reload("client");
    return stdout + stderr;
  };
  const before = await rules();
  assertStringIncludes(await routes(), "192.168.7.0/24");
  assertMatch(await reload('split = "192.168.9.0/24"'), /^In force now: split, log-level;/);
  assertMatch(await routes(), /192\.168\.9\.0/);
  assert(!(await routes()).includes("192.168.7.0"));
  assertMatch(await reload("full-tunnel = true", 'up = "/nowhere"'), /Cannot use --up \/nowhere/);
  assertEquals(await rules(), before);
  assertMatch(await routes(), /192\.168\.9\.0/);
  assertMatch(
    await reload("full-tunnel = true", 'down = "/bin/true"'),
    /now: full-tunnel, split, down;/,
  );
  assertNotEquals(await rules(), before);
  assertMatch(await reload("no-routes = true"), /now: full-tunnel, no-routes, down;/);
  assertEquals(await rules(), before);
  assert(!(await routes()).includes("192.168."));
  assertEquals(await machine.run("ip", "route", "show", "table", "all", "128.0.0.0/1"), "");

  // As if another client had a full tunnel.
  const other = [
    "priority",
    `${RulePriority.tunnel}`,
    "lookup",
    `${tableOf(1)}`,
    "protocol",
    "202",
  ];
  await machine.run("ip", "rule", "add", ...other);
  assertMatch(await reload("full-tunnel = true"), /Another simplevpn-client .*\n.*as before\n$/);
  await machine.run("ip", "rule", "del", ...other);
  assertEquals(await rules(), before);
  assert(!(await routes()).includes("192.168."));
}

await labTest("the reload command says what came of it", [], async () => {
  await using it = await ConfigLab.open();
  await it.startServer('route = "192.168.7.0/24"', 'network = "10.0.0.0/16"');
  const { process, tun } = await it.startClient("no-dns = true");
  it.write(
    "server",
    'route = "192.168.7.0/24"',
    'network = "10.0.0.0/16"',
    "keepalive = 5",
    "port = 2003",
  );
  assertEquals(
    (await it.reload("server")).stdout,
    "In force now: keepalive; from the next start on: port\n",
  );
  it.write("server", "keepalive = 500");
  const refused = await it.reload("server");
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertMatch(
    refused.stderr,
    /server\.toml:1: .*--keepalive must be less than --timeout\n.*goes on as before\n$/,
  );

  it.write("client", "no-dns = true", 'log-level = "debug"');
  assertEquals(
    (await it.reload("client")).stdout,
    "In force now: log-level; from the next start on: invite-file\n",
  );
  await testClientChoices(it, tun);
  it.write("client", 'log-level = "loud"');
  assertEquals((await it.reload("client")).code, 1);
  Deno.removeSync(it.file("client"));
  assertMatch((await it.reload("client")).stderr, /Cannot read the configuration file/);
  assertMatch(await reloaded(process, () => process.kill("SIGHUP")), /going on as before/);
});

await labTest(
  "a program without a file has none to read anew, and ends on SIGHUP",
  [],
  async () => {
    await using it = await ConfigLab.open();
    const server = await it.lab.startSecureServer("--state", it.state("server"));
    assertOneLine(await it.reload("server"), 1, /started without --config/);
    assertEquals((await server.stop("SIGHUP")).code, 0);
    assertMatch(server.stderr, /Stopping on SIGHUP\n$/);
  },
);

/** Starts a command on a terminal of its own, and closes that when the command says so. */
const TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
while sys.argv[1].encode() not in seen: seen += os.read(terminal, 4096)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

await labTest(
  "a program with a file ends all the same when its terminal is closed",
  ["python3"],
  async () => {
    await using it = await ConfigLab.open();
    it.write("server");
    const command = ["python3", "-c", TERMINAL, "Listening on", ...it.command("server")];
    const { code, stdout, stderr } = await ending(it.lab.server.start(command));
    assertEquals([code, stdout], [0, "0\n"], stderr);
  },
);
