/** Readers of what iperf3, ping and /proc say. Each throws SyntaxError at what it does not know. */

/** What arrived in one run of iperf3. */
export interface Received {
  bytes: number;
  seconds: number;
}

/** Reads the output of `iperf3 --json`. */
export function parseIperf3(text: string): Received {
  const output: { error?: unknown; end?: { sum_received?: Partial<Received> } } = JSON.parse(text);
  if (output.error !== undefined) throw new SyntaxError(`iperf3: ${output.error}`);
  const { bytes, seconds } = output.end?.sum_received ?? {};
  if (typeof bytes !== "number" || typeof seconds !== "number" || seconds <= 0) {
    throw new SyntaxError("iperf3 does not say what was received");
  }
  return { bytes, seconds };
}

/** What `ping` saw. */
export interface Pings {
  sent: number;
  /** Round trips in milliseconds, in the order in which the answers came. */
  times: number[];
}

/** Reads the output of `ping` without -q. */
export function parsePing(text: string): Pings {
  const sent = text.match(/^(\d+) packets transmitted/m);
  if (sent === null) throw new SyntaxError(`ping does not say what it sent: ${text}`);
  const answers = text.matchAll(/ time=([\d.]+) ms(?! \(DUP!\))/g);
  return { sent: Number(sent[1]), times: [...answers].map((answer) => Number(answer[1])) };
}

/** The kernel tells processor time in hundredths of a second, whatever its own clock (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Counted from the state, which is field 3 of proc_pid_stat(5). */
const UTIME = 14 - 3;
const STIME = 15 - 3;

/** Reads the processor time of all threads, in seconds, from /proc/PID/stat. */
export function parseCpuSeconds(stat: string): number {
  // The name before the state is in parentheses and may itself contain some, and blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
  if (Number.isNaN(ticks)) throw new SyntaxError(`Not from /proc/PID/stat: "${stat}"`);
  return ticks / TICKS_PER_SECOND;
}

/** Memory of a process that is in RAM, in bytes. */
export interface Memory {
  rss: number;
  /** The part of it that is no file's. */
  anonymous: number;
}

/** Reads /proc/PID/status. */
export function parseMemory(status: string): Memory {
  return { rss: kilobytes(status, "VmRSS"), anonymous: kilobytes(status, "RssAnon") };
}

function kilobytes(status: string, name: string): number {
  const match = status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"));
  if (match === null) throw new SyntaxError(`/proc/PID/status has no ${name}`);
  return Number(match[1]) * 1024;
}

/** Reads the processor's name from /proc/cpuinfo; ARM kernels give numbers only. */
export function parseCpuModel(cpuinfo: string): string {
  return cpuinfo.match(/^(?:model name|Model)\s*:\s*(.+)$/m)?.[1]?.trim() ?? "unknown";
}
