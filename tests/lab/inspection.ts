/** What the lab tests look at: how programs end, what they count, and how a machine is set up. */
import { assertEquals, assertMatch } from "@std/assert";
import { type CommandOutput, type LabProcess, type Machine, sleep } from "../../scripts/lab.ts";

/** Waits until a program ends by itself; one that does not in time is killed, and has that status. */
export async function ending(process: LabProcess, milliseconds = 15_000): Promise<CommandOutput> {
  const timer = setTimeout(() => process.kill("SIGKILL"), milliseconds);
  await process.status;
  clearTimeout(timer);
  // Which it has done already: this waits for the last of what it printed.
  const { success, code } = await process.stop();
  return { success, code, stdout: process.stdout, stderr: process.stderr };
}

/** Asserts that a program ended with this status and one line on stderr, and nothing else. */
export function assertOneLine(output: CommandOutput, code: number, line: RegExp): void {
  assertMatch(output.stderr, line);
  assertEquals(output.stderr.trimEnd().split("\n").length, 1, output.stderr);
  assertEquals(output.stdout, "");
  assertEquals(output.code, code, output.stderr);
}

/** The counters of a running program, by their names. */
export interface ProgramCounters {
  packets: Record<string, number>;
  drops: Record<string, number>;
}

/** Asks a program for its counters. */
export async function countersOf(process: LabProcess): Promise<ProgramCounters> {
  const from = process.stderr.length;
  process.kill("SIGUSR2");
  const [, packets, drops] = await process.waitFor(
    /Packets (\{.*\}), bytes \{.*\}, drops (\{.*\})/,
    undefined,
    from,
  );
  return { packets: JSON.parse(packets!), drops: JSON.parse(drops!) };
}

/** Asks again and again until the answer is as it should be; the last answer comes back. */
export async function eventually<T>(
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  milliseconds = 10_000,
): Promise<T> {
  for (const end = Date.now() + milliseconds;;) {
    const answer = await ask();
    if (right(answer) || Date.now() > end) return answer;
    await sleep(50);
  }
}

/** Everything that a tunnel may change on a machine, as text. */
export async function networkState(machine: Machine): Promise<string> {
  const commands = [
    "ls /sys/class/net",
    "ip -o address",
    "ip -4 route show table all",
    // The kernel adds routes for multicast by itself, some time after an interface is up.
    "ip -6 route show table all type unicast",
    "ip rule",
    "ip -6 rule",
  ];
  const states = commands.map((command) => machine.run(...command.split(" ")));
  // A cable that was just plugged in is down for a moment more, on a busy machine.
  return (await Promise.all(states)).join("\n").replaceAll(" linkdown", "");
}

/**
 * What a machine's kernel counted (/proc/net/snmp, netstat and snmp6), by names such as "Tcp.InErrs" and
 * "Udp6InErrors".
 */
export async function kernelCounters(machine: Machine): Promise<Record<string, number>> {
  const text = await machine.run("cat", "/proc/net/snmp", "/proc/net/netstat");
  const counters: Record<string, number> = {};
  const lines = text.trimEnd().split("\n").map((line) => line.split(/:? /));
  // Names and values stand in pairs of lines, both begun by the protocol.
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const [protocol, ...names] = lines[i]!;
    names.forEach((name, j) => counters[`${protocol}.${name}`] = Number(lines[i + 1]![j + 1]));
  }
  const text6 = await machine.run("cat", "/proc/net/snmp6");
  for (const [, name, value] of text6.matchAll(/^(\S+)\s+(\d+)$/gm)) {
    counters[name!] = Number(value);
  }
  return counters;
}
