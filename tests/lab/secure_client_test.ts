/** A client that knows nothing of this code, only docs/protocol.md, with the real server. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CommandOutput, labObstacle, type LabProcess } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import { countersOf } from "./inspection.ts";
import {
  type ClientMachine,
  missingPackages,
  SOURCE,
  testUnless,
  TunnelLab,
} from "./tunnel_lab.ts";

// Debian's own Python, since its python3-cryptography is for no other. -B: leave no cache behind.
const PYTHON = ["/usr/bin/python3", "-B"];
const CLIENT = new URL("secure_client.py", import.meta.url).pathname;
const CONFIGURATION =
  "configuration gadget 10.0.0.2/16 fd00:1:2::2/64 mtu 1400 keepalive 25000 timeout 60000 " +
  "routes 192.0.2.0/24,2001:db8:9::/48";

/** What is missing for the client; undefined if nothing is. */
async function missingLibrary(): Promise<string | undefined> {
  const args = ["-c", "import cryptography"];
  const { success } = await new Deno.Command(PYTHON[0]!, { args, stderr: "null" }).output();
  return success ? undefined : "apt-get install python3-cryptography";
}

const OBSTACLE = await labObstacle() ?? await missingPackages([PYTHON[0]!]) ??
  await missingLibrary();

/** A secure server, a machine to try it from, and an invite for that machine. */
class StrangersLab implements AsyncDisposable {
  readonly #lab: TunnelLab;
  readonly #machine: ClientMachine;
  readonly server: LabProcess;
  readonly invite: string;

  private constructor(lab: TunnelLab, machine: ClientMachine, server: LabProcess, invite: string) {
    this.#lab = lab;
    this.#machine = machine;
    this.server = server;
    this.invite = invite;
  }

  static async open(): Promise<StrangersLab> {
    const lab = await TunnelLab.open();
    try {
      const machine = await lab.addClient();
      const [serve, state] = [program("server", SOURCE), ["--state", lab.state]];
      const options = [
        ...["--mtu", "1400", "--network", "fd00:1:2::/64"],
        ...["--route", "192.0.2.0/24", "--route", "2001:db8:9::/48"],
      ];
      const server = lab.server.start([...serve, ...state, ...options]);
      await server.waitFor(/Listening on/);
      const name = ["invite", "gadget", "--no-qr", "--host", machine.server];
      const invite = (await lab.server.run(...serve, ...name, ...state)).trim();
      return new StrangersLab(lab, machine, server, invite);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs the client to its end, with the key of this name. */
  client(key: string, ...steps: string[]): Promise<CommandOutput> {
    return this.clientOf(this.invite, key, ...steps);
  }

  clientOf(invite: string, key: string, ...steps: string[]): Promise<CommandOutput> {
    const file = `${this.#lab.lab.folder}/${key}`;
    return this.#machine.machine.try(...PYTHON, CLIENT, invite, file, ...steps);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]();
  }
}

function strangersTest(name: string, fn: (lab: StrangersLab) => Promise<void>): void {
  testUnless(OBSTACLE, name, async () => {
    await using lab = await StrangersLab.open();
    await fn(lab);
  });
}

function assertSays({ stdout, stderr, code }: CommandOutput, ...lines: string[]): void {
  assertEquals(stdout.trimEnd().split("\n"), ["response of 80 bytes", ...lines], stderr);
  assertEquals(code, 0, stderr);
}

/** Asserts that a client got no further than to be sent Close with this reason. */
function assertClosed({ stdout, stderr }: CommandOutput, reason: number): void {
  assertEquals(stderr, `ConnectionError: the server says Close, reason ${reason}\n`);
  assertEquals(stdout, "response of 80 bytes\n");
}

/** Asserts that a client was sent nothing at all until the connection was reset. */
function assertNoAnswer({ stdout, stderr }: CommandOutput): void {
  assertMatch(stderr, /^ConnectionResetError/);
  assertEquals(stdout, "");
}

for (const [over, ...udp] of [["TCP"], ["UDP", "--udp"]]) {
  const joins = `a stranger's client joins by invite over ${over}, renews its keys, and leaves`;
  strangersTest(joins, async (lab) => {
    const steps = ["ping", "echo", "echo6", "rekey", "ping", "echo", "echo6", "close"];
    assertSays(
      await lab.client("key", ...udp, ...steps),
      CONFIGURATION,
      "pong with key 0",
      "echo of 10.0.0.1 with key 0",
      "echo of the server over IPv6 with key 0",
      "pong with key 1",
      "pong with key 1",
      "echo of 10.0.0.1 with key 1",
      "echo of the server over IPv6 with key 1",
      "closed",
    );
    await lab.server.waitFor(
      /gadget \(10\.0\.0\.2 and fd00:1:2::2\) joined from [^]*gadget \(10\.0\.0\.2 and .*\) left: it ended the session/,
    );
  });

  const spoofs =
    `IPv6 packets over ${over} from addresses that are not the client's own are dropped`;
  strangersTest(spoofs, async (lab) => {
    const { code, stderr } = await lab.client("key", ...udp, "spoof6", "close");
    assertEquals(code, 0, stderr);
    const { drops } = await countersOf(lab.server);
    // Those that the kernel sends to groups of its own accord are multicast as well.
    assertEquals({ ...drops, multicast: 0 }, {
      source_address: 5,
      destination_address: 2,
      multicast: 0,
    });
    assert(drops.multicast! >= 1);
  });

  strangersTest(`a stranger's client comes again over ${over} with its key alone`, async (lab) => {
    await lab.client("key", "close");
    assertSays(
      await lab.client("key", ...udp, "--no-invite", "--address=10.0.0.2", "ping", "close"),
      CONFIGURATION,
      "pong with key 0",
      "closed",
    );
  });

  const bound = `each handshake for new keys over ${over} is bound to the one before it`;
  strangersTest(bound, async (lab) => {
    const steps = ["rekey", "echo-until=5.5", "rekey", "echo", "close"];
    const output = await lab.client("key", ...udp, ...steps);
    assertEquals(output.code, 0, output.stderr);
    assertEquals(output.stdout.match(/.* with key 2/g), [
      "pong with key 2",
      "echo of 10.0.0.1 with key 2",
    ]);
  });
}

strangersTest("a handshake that is made for TCP is worth nothing over UDP", async (lab) => {
  const { stdout, stderr } = await lab.client("key", "--udp", "--tcp-prologue", "ping");
  assertEquals(stderr, "ConnectionError: the server does not answer\n");
  assertEquals(stdout, "");
});

strangersTest("who asks for new keys again and again is sent away", async (lab) => {
  const { stdout, stderr } = await lab.client("key", "rekey", "rekey");
  assertMatch(stdout, /pong with key 1\n$/);
  assertEquals(stderr, "ConnectionError: the server says Close, reason 10\n");
});

strangersTest(
  "without the invite's secret nobody joins, and the invite stays good",
  async (lab) => {
    const { stdout, stderr } = await lab.client("thief", "--wrong-psk", "ping");
    assertEquals(stderr, "what the server sent does not open\n");
    assertEquals(stdout, "response of 80 bytes\n");
    assertSays(await lab.client("key", "close"), CONFIGURATION, "closed");
  },
);

strangersTest("an invite lets its own key in again, and no other", async (lab) => {
  assertSays(await lab.client("key", "close"), CONFIGURATION, "closed");
  assertSays(await lab.client("key", "close"), CONFIGURATION, "closed");
  assertClosed(await lab.client("thief", "ping"), 5);
});

strangersTest("an address that is not the client's own is refused", async (lab) => {
  await lab.client("key", "close");
  assertClosed(await lab.client("key", "--no-invite", "--address=10.0.0.3"), 8);
});

strangersTest("a wrong server key and an unknown client get no answer", async (lab) => {
  const wrongKey = lab.invite.replace(/\/[\w-]{43}\//, `/${"A".repeat(42)}E/`);
  const wrongToken = lab.invite.replace(/[\w-]{22}$/, `${"A".repeat(22)}`);
  const outputs = await Promise.all([
    lab.clientOf(wrongKey, "one", "ping"),
    lab.clientOf(wrongToken, "two", "ping"),
    lab.client("three", "--no-invite", "ping"),
  ]);
  outputs.forEach(assertNoAnswer);
});
