/** One TCP flow through the tunnel over a link that is long and loses packets. */
import { assert } from "@std/assert";
import { LINK_COMMANDS } from "../../scripts/impaired_link.ts";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { iperf, startIperfServer } from "./iperf.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const COMMANDS = ["iperf3", ...LINK_COMMANDS];

const LINK = { roundTrip: 80, loss: 3 };

/**
 * What most systems have, and what the programs' own connections have here. It takes each loss for a sign
 * of congestion, while bbr, which the flow inside has, does not.
 */
const OUTSIDE = ["--congestion", "cubic"];
const INSIDE = ["--congestion", "bbr"];

/** The server's inner address. */
const SERVER = "10.0.0.1";
const SECONDS = 3;

/** Milliseconds that an end may take to see that TCP is bad: some seconds of a flow, and some luck. */
const PATIENCE = 40_000;

/**
 * Bytes that a flow which halves its window at each loss gets through the link in that time (Mathis et al.,
 * "The macroscopic behavior of the TCP congestion avoidance algorithm", 1997).
 */
const EXPECTED = SECONDS * (1448 / (LINK.roundTrip / 1000)) * Math.sqrt(1.5 / (LINK.loss / 100));

const AVAILABLE = await Deno.readTextFile("/proc/sys/net/ipv4/tcp_available_congestion_control");
const OBSTACLE = /\bbbr\b.*\bcubic\b|\bcubic\b.*\bbbr\b/.test(AVAILABLE)
  ? undefined
  : "modprobe -a tcp_bbr tcp_cubic";

await labTest(
  "over a link that loses packets a flow is three times as fast by UDP as by TCP",
  COMMANDS,
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startSecureServer(...OUTSIDE);
    const tcp = await goodput(lab, await join(lab, "--tcp"));
    const udp = await goodput(lab, await join(lab, "-u"));
    assert(udp > 3 * tcp, `${udp} bytes by UDP, ${tcp} by TCP`);
    assert(tcp > EXPECTED / 4, `${tcp} bytes by TCP, ${EXPECTED} expected`);
  },
  OBSTACLE,
);

await labTest(
  "over such a link both ends move from TCP to UDP where they may choose, and say why",
  COMMANDS,
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer(...OUTSIDE);
    const client = await join(lab);
    await client.process.waitFor(/The server is reached over (TCP|UDP) as well/);
    const receiver = await startIperfServer(lab.server);
    const flow = ["iperf3", "--client", SERVER, ...INSIDE, "--time", "60"];
    const sender = client.machine.start(flow);
    await Promise.all([
      client.process.waitFor(/Sending over UDP from now on: .*TCP/, PATIENCE),
      // What it sends are acknowledgements.
      server.waitFor(/is sent to over UDP from now on: .*TCP/, PATIENCE),
    ]);
    await Promise.all([sender.stop(), receiver.stop()]);
    const bytes = await goodput(lab, client);
    assert(bytes > 3 * EXPECTED, `${bytes} bytes, ${EXPECTED} expected by TCP`);
  },
  OBSTACLE,
);

/** A client with a bad link of its own. */
interface LossyClient {
  machine: Machine;
  process: LabProcess;
}

async function join(lab: TunnelLab, ...options: string[]): Promise<LossyClient> {
  const client = await lab.addClient(LINK);
  const congestion = options.includes("-u") ? [] : OUTSIDE;
  const { process } = await lab.join(client, client.interface, ...congestion, ...options);
  return { machine: client.machine, process };
}

/** Bytes of a flow from a client that arrive at the server. */
async function goodput(lab: TunnelLab, { machine }: LossyClient): Promise<number> {
  const flow = [...INSIDE, "--time", String(SECONDS)];
  return (await iperf(machine, lab.server, SERVER, ...flow)).sum_received.bytes;
}
