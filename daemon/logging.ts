import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";
import type { LogLevel } from "../lib/config/choices.ts";
import type { CommonSettings } from "../lib/config/common_settings.ts";
import { printable } from "../lib/status/format.ts";
import { journalPrefix, writesToJournal } from "./journal.ts";
import { LogFile } from "./log_file.ts";

/** The one logger of a program; `setUpLogging()` says where its records go. */
export const log: Logger = getLogger("simplevpn");

const encoder = new TextEncoder();
let jsonLines = false;
let file: LogFile | undefined;

/** What there is to say about logs. */
export type LogSettings = Pick<CommonSettings, "logLevel" | "jsonLogs" | "logFile">;

/**
 * Sends log records of a level and above to stderr or a file, each as one line that is out before the
 * call returns. systemd's journal, which knows the time, is told how urgent a line is. Control
 * characters, which names from elsewhere may contain, are escaped.
 *
 * @throws {Failure} if there is a log file that cannot be written
 */
export function setUpLogging({ logLevel, jsonLogs, logFile }: LogSettings): void {
  jsonLines = jsonLogs;
  file?.close();
  file = logFile === undefined ? undefined : new LogFile(logFile);
  setLogLevel(logLevel);
}

/** Logs records of this level and above from now on, to where they went before. */
export function setLogLevel(level: LogLevel): void {
  const inJournal = file === undefined && writesToJournal();
  const format = jsonLines ? getJsonLinesFormatter({ properties: "flatten" }) : getTextFormatter({
    timestamp: "date-time",
    timeZone: null,
    level: "FULL",
    value: "bare",
    sanitize: { sgr: "escape", newlines: "escape" },
    format: ({ timestamp, level, message }) =>
      inJournal
        ? `${journalPrefix(level.toLowerCase())}${message}`
        : `${timestamp?.slice(0, 19)} ${level.padEnd(7)} ${message}`,
  });
  configureSync({
    reset: true,
    sinks: {
      lines: (record: LogRecord) => write(encoder.encode(`${format(record).trimEnd()}\n`)),
    },
    loggers: [
      { category: "simplevpn", lowestLevel: level, sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
}

/**
 * Writes why a program ends, as one line on stderr, a JSON object among others if logs are that; to the
 * log file as well, if there is one.
 */
export function tellEnd(program: string, text: string): void {
  const reason = printable(text);
  if (jsonLines || file !== undefined) log.error(reason.replaceAll(/[{}]/g, "$&$&"));
  if (jsonLines && file === undefined) return;
  console.error(`${writesToJournal() ? journalPrefix("error") : ""}${program}: ${reason}`);
}

function write(line: Uint8Array): void {
  try {
    if (file !== undefined) return file.write(line);
  } catch (error) {
    // A full disk keeps nobody from his work, and nobody from knowing.
    writeToStderr(encoder.encode(`Cannot write the log file: ${(error as Error).message}\n`));
  }
  writeToStderr(line);
}

function writeToStderr(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}
