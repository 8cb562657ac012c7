import { unixPeerPath } from "../ffi/unix_socket.ts";
import type { LogLevel } from "../lib/config/choices.ts";

/** How urgent a line is, for the journal: sd-daemon(3), after syslog(3). */
const PRIORITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warning: 4, error: 3 };

/** What a line for the journal begins with. */
export function journalPrefix(level: string): string {
  return `<${PRIORITIES[level as LogLevel] ?? PRIORITIES.error}>`;
}

/** What a journal listens at for the lines of services, one of a namespace as well (LogNamespace=). */
const JOURNAL_PATTERN = /^\/run\/systemd\/journal(\.[^/]+)?\/stdout$/;

const STDERR = 2;

/** Whether stderr is a stream to systemd's journal, which knows the time of each line. */
export function writesToJournal(): boolean {
  return JOURNAL_PATTERN.test(unixPeerPath(STDERR) ?? "");
}
