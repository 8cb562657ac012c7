import { sleep } from "../lab.ts";
import type { BenchLab } from "./bench_lab.ts";
import { parseCpuSeconds, parseIperf3, parseMemory, parsePing, type Received } from "./parse.ts";
import type { Metric } from "./report.ts";
import { mean, median } from "./statistics.ts";
import type { Running } from "./subject.ts";

/** What a probe works on. */
export interface Bench {
  lab: BenchLab;
  subject: Running;
  /** Length of each flow. */
  seconds: number;
}

/** One measurement, which may give several numbers. */
export interface Probe {
  name: string;
  metrics: readonly Metric[];
  /** Gives the numbers by metric; those that make no sense for the subject are left out. */
  run(bench: Bench): Promise<Record<string, number>>;
}

/** Up is from the client's machine to the server's. */
const WAYS = ["up", "down"] as const;
type Way = typeof WAYS[number];

const UDP_PAYLOAD = 64;
const IDLE_PINGS = 50;
const IDLE_PING_INTERVAL = 0.02;
const LOADED_PING_INTERVAL = 0.05;
/** Seconds at either end of a flow in which it is not pinged. */
const FLOW_MARGIN = 0.25;

/** In the order in which they run: what wants an idle tunnel first, memory after all load. */
export const PROBES: readonly Probe[] = [
  {
    name: "start",
    metrics: [{ name: "start", table: "Latency", title: "start to first ping", unit: "ms" }],
    run: ({ subject: { startTime } }) => {
      return Promise.resolve(startTime === undefined ? {} : { start: startTime });
    },
  },
  {
    name: "ping",
    metrics: [
      { name: "ping_idle", table: "Latency", title: "ping, idle", unit: "ms" },
      { name: "ping_woken", table: "Latency", title: "ping after a pause", unit: "ms" },
    ],
    run: pingIdle,
  },
  {
    name: "tcp1",
    metrics: [
      { name: "tcp1_up", table: "Throughput", title: "TCP up", unit: "Gbit/s" },
      { name: "tcp1_down", table: "Throughput", title: "TCP down", unit: "Gbit/s" },
      { name: "cpu_up", table: "Cost", title: "CPU, TCP up", unit: "s/GB" },
      { name: "cpu_down", table: "Cost", title: "CPU, TCP down", unit: "s/GB" },
    ],
    run: async (bench) => ({ ...await oneFlow(bench, "up"), ...await oneFlow(bench, "down") }),
  },
  {
    name: "tcp4",
    metrics: [
      { name: "tcp4_up", table: "Throughput", title: "4 TCP up", unit: "Gbit/s" },
      { name: "tcp4_down", table: "Throughput", title: "4 TCP down", unit: "Gbit/s" },
    ],
    run: (bench) =>
      bothWays("tcp4", async (way) => gigabits(await flow(bench, way, "--parallel", "4"))),
  },
  {
    name: "udp",
    metrics: [
      { name: "udp_up", table: "Throughput", title: "64-byte UDP up", unit: "packets/s" },
      { name: "udp_down", table: "Throughput", title: "64-byte UDP down", unit: "packets/s" },
    ],
    run: (bench) => bothWays("udp", (way) => packetRate(bench, way)),
  },
  {
    name: "loaded",
    metrics: [
      { name: "ping_loaded", table: "Latency", title: "ping under TCP up", unit: "ms" },
      { name: "ping_loaded_loss", table: "Latency", title: "lost under TCP up", unit: "%" },
    ],
    run: pingLoaded,
  },
  {
    name: "memory",
    metrics: [
      { name: "rss_server", table: "Cost", title: "RSS, server", unit: "MB" },
      { name: "rss_client", table: "Cost", title: "RSS, client", unit: "MB" },
      { name: "anon_server", table: "Cost", title: "anonymous, server", unit: "MB" },
      { name: "anon_client", table: "Cost", title: "anonymous, client", unit: "MB" },
    ],
    run: memory,
  },
];

async function bothWays(
  prefix: string,
  measure: (way: Way) => Promise<number>,
): Promise<Record<string, number>> {
  const numbers: Record<string, number> = {};
  for (const way of WAYS) numbers[`${prefix}_${way}`] = await measure(way);
  return numbers;
}

async function pingIdle(bench: Bench): Promise<Record<string, number>> {
  const idle = await ping(bench, IDLE_PINGS, IDLE_PING_INTERVAL);
  await sleep(bench.seconds * 1000);
  const woken = await ping(bench, 1, 1);
  return { ping_idle: median(idle.times), ping_woken: woken.times[0]! };
}

async function pingLoaded(bench: Bench): Promise<Record<string, number>> {
  const load = flow(bench, "up");
  const count = Math.floor((bench.seconds - 2 * FLOW_MARGIN) / LOADED_PING_INTERVAL);
  const pings = sleep(FLOW_MARGIN * 1000).then(() => ping(bench, count, LOADED_PING_INTERVAL));
  const [{ times, sent }] = await Promise.all([pings, load]);
  return { ping_loaded: mean(times), ping_loaded_loss: 100 * (1 - times.length / sent) };
}

async function oneFlow(bench: Bench, way: Way): Promise<Record<string, number>> {
  const before = cpuSeconds(bench.subject);
  const received = await flow(bench, way);
  const after = cpuSeconds(bench.subject);
  const speed = { [`tcp1_${way}`]: gigabits(received) };
  if (before === undefined || after === undefined) return speed;
  return { ...speed, [`cpu_${way}`]: (after - before) / (received.bytes / 1e9) };
}

async function packetRate(bench: Bench, way: Way): Promise<number> {
  const { bytes, seconds } = await flow(
    bench,
    way,
    "--udp",
    "--bitrate",
    "0",
    "--length",
    String(UDP_PAYLOAD),
  );
  return bytes / UDP_PAYLOAD / seconds;
}

/** Memory after one more flow, so that it is never that of programs which have just started. */
async function memory(bench: Bench): Promise<Record<string, number>> {
  const { programs } = bench.subject;
  if (programs === undefined) return {};
  await flow(bench, "up");
  const read = (pid: number) => parseMemory(Deno.readTextFileSync(`/proc/${pid}/status`));
  const [server, client] = [read(programs.server), read(programs.client)];
  return {
    rss_server: server.rss / 1e6,
    rss_client: client.rss / 1e6,
    anon_server: server.anonymous / 1e6,
    anon_client: client.anonymous / 1e6,
  };
}

async function flow(
  { lab, subject, seconds }: Bench,
  way: Way,
  ...options: string[]
): Promise<Received> {
  const direction = way === "down" ? ["--reverse"] : [];
  return parseIperf3(await lab.iperf3(subject.address, seconds, ...direction, ...options));
}

async function ping(
  { lab, subject }: Bench,
  count: number,
  interval: number,
): Promise<ReturnType<typeof parsePing>> {
  const options = ["-n", "-c", String(count), "-i", String(interval), "-W", "1"];
  return parsePing(await lab.run("ping", ...options, subject.address));
}

function gigabits({ bytes, seconds }: Received): number {
  return 8 * bytes / seconds / 1e9;
}

/** Processor time that the programs of a subject took so far. */
function cpuSeconds({ programs }: Running): number | undefined {
  if (programs === undefined) return undefined;
  const read = (pid: number) => parseCpuSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
  return read(programs.server) + read(programs.client);
}
