import type { LogLevel } from "../lib/config/options.ts";

/** How urgent a line is, for the journal: sd-daemon(3), after syslog(3). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** What a line for the journal begins with. */
export function journalPrefix(level: string): string {
  return `<${PRIORITIES[level as LogLevel] ?? PRIORITIES.error}>`;
}

/**
 * Whether stderr is a stream to systemd's journal, which knows the time of each line. The variable alone
 * says nothing: a program that a service started may have its stderr elsewhere (systemd.exec(5)).
 */
export function writesToJournal(): boolean {
  const stream = Deno.env.get("JOURNAL_STREAM");
  if (stream === undefined) return false;
  try {
    const { dev, ino } = Deno.statSync("/proc/self/fd/2");
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
