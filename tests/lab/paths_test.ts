/** The automatic choice between TCP and UDP, on the real thing. */
import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { LabProcess } from "../../scripts/lab.ts";
import { block, unfilter } from "./packet_filter.ts";
import { assertFlows, startStream } from "./steady_stream.ts";
import { type ConnectedClient, labTest, TunnelLab } from "./tunnel_lab.ts";

const SERVER = "10.0.0.1";
const PING = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];
/**
 * How long a move may take: 2 s, and what a busy machine needs for it; less than the 10 s after which a
 * session is given up.
 */
const MOVE = 8_000;

for (const [blocked, other] of [["udp", "TCP"], ["tcp", "UDP"]] as const) {
  await labTest(
    `where ${blocked.toUpperCase()} is blocked from the start the tunnel goes over ${other}`,
    ["ping", "nft"],
    async () => {
      await using lab = await TunnelLab.open();
      await lab.startSecureServer();
      const client = await lab.addClient();
      await block(client.machine, blocked);
      const { process, address } = await lab.join(client, "pi");
      assertStringIncludes(
        process.stderr,
        `Connected to ${client.server}:2002 over ${other} as pi`,
      );
      await client.machine.run(...PING, SERVER);
      await lab.server.run(...PING, address);
      const name = blocked.toUpperCase();
      await process.waitFor(new RegExp(`not reached over ${name} as well: .*; trying on`), 20_000);
      await unfilter(client.machine);
      await process.waitFor(new RegExp(`The server is reached over ${name} as well`), 20_000);
      assertEquals(process.stderr.match(/Lost the connection/), null);
    },
  );
}

await labTest(
  "a TCP connection inside survives that TCP, then UDP, is blocked outside, and both unblocked",
  ["nft"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer();
    const client = await lab.addClient();
    const { machine } = client;
    const joined = await lab.join(client, "pi");
    const { process } = joined;
    await process.waitFor(/The server is reached over (UDP|TCP) as well/);
    const stream = await startStream(lab.server, SERVER, machine);
    await block(machine, "tcp");
    await bothMove(process, server, "UDP", 0);
    await assertFlows(stream);
    const from = [process.stderr.length, server.stderr.length] as const;
    await unfilter(machine);
    await block(machine, "udp");
    await bothMove(process, server, "TCP", ...from);
    await assertFlows(stream);
    assertMatch(await way(process), /^Sending over TCP: UDP has let nothing through for [\d.]+ s$/);
    await unfilter(machine);
    await assertFlows(stream);
    assertEquals(server.stderr.match(/ left: /), null);
    assertEquals(process.stderr.match(/Lost the connection:/), null);
  },
);

await labTest("a client that is told one carrier uses no other", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  await lab.join(client, "pi", "--tcp");
  assertEquals((await client.machine.run("ss", "-Hunl")).trim(), "");
  const other = await lab.addClient();
  const { process } = await lab.join(other, "other");
  await process.waitFor(/The server is reached over UDP as well/);
  assertNotEquals((await other.machine.run("ss", "-Hunl")).trim(), "");
});

/** Waits until both ends have said that they send over this carrier from now on. */
async function bothMove(
  process: LabProcess,
  server: LabProcess,
  carrier: "TCP" | "UDP",
  fromProcess: number,
  fromServer = 0,
): Promise<void> {
  await Promise.all([
    process.waitFor(new RegExp(`Sending over ${carrier} from now on: `), MOVE, fromProcess),
    server.waitFor(new RegExp(`pi .* is sent to over ${carrier} from now on: `), MOVE, fromServer),
  ]);
}

/** How a client says that it sends now, and why. */
async function way(process: ConnectedClient["process"]): Promise<string> {
  const from = process.stderr.length;
  process.kill("SIGUSR2");
  const [, text] = await process.waitFor(/(Sending over .*)\n/, undefined, from);
  return text!;
}
