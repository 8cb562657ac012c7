/** A client with two real servers. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { LabProcess } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import { assertOneLine, ending } from "./inspection.ts";
import { type ClientMachine, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

/**
 * How long it may take until another server is found. Over UDP nobody tells that the first is gone: it
 * shows by its silence, of 35 s.
 */
const SOON = 60_000;

/** An address of the server's machine that the first server says is behind it. */
const INSIDE = "203.0.113.77";

/** Two servers on one machine, with ports, state folders and networks of their own. */
class TwoServers implements AsyncDisposable {
  readonly lab: TunnelLab;
  readonly client: ClientMachine;
  readonly #processes: (LabProcess | undefined)[] = [undefined, undefined];
  /** Their public keys. */
  readonly keys: string[] = [];
  publicKey = "";

  private constructor(lab: TunnelLab, client: ClientMachine) {
    this.lab = lab;
    this.client = client;
  }

  /** @param enrolled which of them know the client */
  static async open(enrolled: readonly number[] = [0, 1]): Promise<TwoServers> {
    const lab = await TunnelLab.open();
    const it = new TwoServers(lab, await lab.addClient());
    await it.#makeKey();
    for (const number of [0, 1]) {
      await it.start(number);
      if (enrolled.includes(number)) {
        await it.#manage(number, "peers", "add", "pi", it.publicKey);
      }
    }
    return it;
  }

  async start(number: number, ...options: string[]): Promise<void> {
    const process = this.lab.server.start([
      ...program("server", SOURCE),
      ...["-p", `${2002 + number}`, "--state", this.#folder(number)],
      ...["--network", `10.${80 + number}.0.0/16`, "--no-ipv6"],
      ...options,
    ]);
    await process.waitFor(/Listening on/);
    this.#processes[number] = process;
    if (this.keys.length > number) return;
    const key = await this.lab.server.run("cat", `${this.#folder(number)}/server.key`);
    this.keys.push(await this.#publicOf(key));
  }

  async kill(number: number): Promise<void> {
    await this.#processes[number]!.stop("SIGKILL");
  }

  /** Starts the client with both servers in its list. */
  startClient(...options: string[]): LabProcess {
    const { server } = this.client;
    return this.startClientAt([server, server], ...options);
  }

  /** @param hosts the servers' addresses */
  startClientAt([first, second]: readonly [string, string], ...options: string[]): LabProcess {
    return this.client.machine.start(this.lab.secureCommand(this.client, ...[
      ...["-s", `${first}:2002`, "--server-key", this.keys[0]!],
      ...["-s", `${second}:2003`, "--server-key", this.keys[1]!],
      ...options,
    ]));
  }

  /** Runs one of the client's other commands, with its state folder. */
  tellClient(...words: string[]): Promise<string> {
    return this.client.machine.run(...program("client", SOURCE), ...words, "--state", this.#state);
  }

  removePeer(number: number): Promise<string> {
    return this.#manage(number, "peers", "remove", "pi");
  }

  #manage(number: number, ...words: string[]): Promise<string> {
    const state = ["--state", this.#folder(number)];
    return this.lab.server.run(...program("server", SOURCE), ...words, ...state);
  }

  get #state(): string {
    return `${this.lab.state}-${this.client.machine.namespace}`;
  }

  #folder(number: number): string {
    return `${this.lab.state}-${number}`;
  }

  async #makeKey(): Promise<void> {
    const text = (await this.client.machine.run(...program("client", SOURCE), "genkey")).trim();
    await Deno.mkdir(this.#state, { mode: 0o700 });
    await Deno.writeTextFile(`${this.#state}/client.key`, `${text}\n`, { mode: 0o600 });
    this.publicKey = await this.#publicOf(text);
  }

  /** The public key of a private one. */
  async #publicOf(key: string): Promise<string> {
    const child = new Deno.Command(program("client", SOURCE)[0]!, {
      args: [...program("client", SOURCE).slice(1), "pubkey"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const [{ stdout }] = await Promise.all([
      child.output(),
      new Blob([key]).stream().pipeTo(child.stdin),
    ]);
    return new TextDecoder().decode(stdout).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** Waits until a client is connected to the server with this number. */
async function connectedTo(process: LabProcess, number: number, from = 0): Promise<void> {
  const pattern = new RegExp(`Connected to \\S+:${2002 + number} .*is 10\\.${80 + number}\\.`);
  await process.waitFor(pattern, SOON, from);
}

for (const option of [["--tcp"], ["-u"], []]) {
  const by = option[0] ?? "TCP and UDP";
  await labTest(
    `a client goes on to the second server when the first is gone, and returns when told (${by})`,
    ["ping"],
    async () => {
      await using it = await TwoServers.open();
      const { machine } = it.client;
      const process = it.startClient(...option);
      await connectedTo(process, 0);
      await machine.run("ping", "-c", "1", "-w", "5", "10.80.0.1");
      const begin = Date.now();
      let from = process.stderr.length;
      await it.kill(0);
      await connectedTo(process, 1, from);
      console.log(`${by}: the second server is in use ${Date.now() - begin} ms after the kill`);
      await process.waitFor(/This machine was 10\.80\.0\.2 before/, undefined, from);
      await machine.run("ping", "-c", "1", "-w", "5", "10.81.0.1");
      await it.start(0);
      from = process.stderr.length;
      assertEquals(await it.tellClient("reconnect"), "");
      await connectedTo(process, 0, from);
      await machine.run("ping", "-c", "1", "-w", "5", "10.80.0.1");
      const routes = await machine.run("ip", "route", "show", "10.81.0.0/16");
      assertEquals(routes, "", "nothing of the other network is left");
    },
  );
}

await labTest(
  "a client passes over a server that rejects it, and ends when both do",
  [],
  async () => {
    await using it = await TwoServers.open();
    const process = it.startClient();
    await connectedTo(process, 0);
    await it.removePeer(0);
    await connectedTo(process, 1);
    assertStringIncludes(process.stderr, "removed");
    await it.removePeer(1);
    const { code, stderr } = await ending(process);
    assertEquals(code, 1);
    assertMatch(stderr.trimEnd().split("\n").at(-1)!, /None of the servers lets this client in/);
  },
);

await labTest("a client that the first server does not know uses the second", [], async () => {
  await using it = await TwoServers.open([1]);
  await connectedTo(it.startClient(), 1);
});

await labTest(
  "a client passes over a name that does not exist, and remembers its list",
  [],
  async () => {
    await using it = await TwoServers.open();
    const { machine, server } = it.client;
    const first = machine.start(it.lab.secureCommand(it.client, ...[
      ...["-s", "no-such-name.invalid", "--server-key", it.keys[0]!],
      ...["-s", `${server}:2003`, "--server-key", it.keys[1]!],
    ]));
    await connectedTo(first, 1);
    assertMatch(first.stderr, /No connection to no-such-name\.invalid port 2002: .*; trying 198/);
    await first.stop();
    const second = machine.start(it.lab.secureCommand(it.client));
    await connectedTo(second, 1);
    assertMatch(second.stderr, /No connection to no-such-name\.invalid/);
  },
);

await labTest("a client goes on from a server that lies in its own network", [], async () => {
  await using it = await TwoServers.open();
  const { machine, server } = it.client;
  const inside = "10.80.99.1";
  await it.lab.server.run("ip", "address", "add", `${inside}/32`, "dev", "lo");
  await machine.run("ip", "route", "add", "default", "via", server);
  const process = it.startClientAt([inside, server]);
  await connectedTo(process, 1);
  assertMatch(
    process.stderr,
    /No connection to 10\.80\.99\.1 port 2002: its network 10\.80\.0\.0\/16 .*another --network; trying 198/,
  );
  assertEquals(await machine.run("ip", "route", "show", "10.80.0.0/16"), "");
});

await labTest("reconnect says so where no client is running", [], async () => {
  await using lab = await TunnelLab.open();
  const { machine } = await lab.addClient();
  const output = await machine.try(
    ...program("client", SOURCE),
    ...["reconnect", "--state", lab.lab.folder],
  );
  assertOneLine(output, 1, /simplevpn-client is not running with the state folder/);
});

await labTest(
  "a server that lies in a network behind another one is reached past the tunnel",
  [],
  async () => {
    await using it = await TwoServers.open();
    const { machine, server } = it.client;
    await it.lab.server.run("ip", "address", "add", `${INSIDE}/32`, "dev", "lo");
    await machine.run("ip", "route", "add", "default", "via", server);
    await it.kill(0);
    await it.start(0, "--route", "203.0.113.0/24");
    const process = it.startClientAt([server, INSIDE]);
    await process.waitFor(/Connected to .*:2002/);
    assertStringIncludes(await machine.run("ip", "route", "get", INSIDE), "dev simplevpn");
    await it.kill(0);
    await process.waitFor(/Connected to 203\.0\.113\.77:2003/, SOON);
  },
);
