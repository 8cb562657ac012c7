import type { Option } from "../lib/config/command_line.ts";
import { type ConfigFile, readConfigFile } from "../lib/config/config_file.ts";
import { Failure } from "./failure.ts";

/** Bytes of the longest configuration file. */
const FILE_MOST = 65_536;

/** Reads a configuration file. @throws {Failure} if it cannot be read */
export function loadConfigFile(table: readonly Option[], path: string): ConfigFile {
  try {
    return readConfigFile(table, readTextUpTo(path, FILE_MOST), path);
  } catch (error) {
    throw new Failure(`Cannot read the configuration file ${path}: ${(error as Error).message}`);
  }
}

/** @throws {Error} if it cannot be read, is longer, or is not UTF-8 */
function readTextUpTo(path: string, most: number): string {
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(most + 1);
  let length = 0;
  for (let read: number | null = 1; read && length <= most; length += read ?? 0) {
    read = file.readSync(bytes.subarray(length));
  }
  if (length > most) throw new Error(`it is longer than ${most} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
  } catch {
    throw new Error("it is not UTF-8");
  }
}
