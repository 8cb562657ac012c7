import {
  configureSync,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";
import type { LogLevel } from "../lib/config/options.ts";

/** The one logger of a program; `setUpLogging()` says where its records go. */
export const log: Logger = getLogger("simplevpn");

const encoder = new TextEncoder();
let jsonLines = false;

/**
 * Sends log records of `level` and above to stderr, each as one line that is out before the call
 * returns. Control characters, which names from elsewhere may contain, are escaped.
 */
export function setUpLogging(level: LogLevel, json: boolean): void {
  jsonLines = json;
  const format = json ? getJsonLinesFormatter({ properties: "flatten" }) : getTextFormatter({
    timestamp: "date-time",
    timeZone: null,
    level: "FULL",
    value: "bare",
    sanitize: { sgr: "escape", newlines: "escape" },
    format: ({ timestamp, level, message }) =>
      `${timestamp?.slice(0, 19)} ${level.padEnd(7)} ${message}`,
  });
  configureSync({
    reset: true,
    sinks: {
      stderr: (record: LogRecord) => writeAll(encoder.encode(`${format(record).trimEnd()}\n`)),
    },
    loggers: [
      { category: "simplevpn", lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Writes why a program ends, as one line on stderr; a JSON object among others if logs are that. */
export function tellEnd(program: string, reason: string): void {
  if (jsonLines) log.error(reason.replaceAll(/[{}]/g, "$&$&"));
  else console.error(`${program}: ${reason}`);
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}
