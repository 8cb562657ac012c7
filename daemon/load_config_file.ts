import { O_CLOEXEC, O_RDONLY } from "../ffi/constants.ts";
import { OsError } from "../ffi/error.ts";
import { closeFd, openFd, readFd } from "../ffi/fd.ts";
import { cString } from "../ffi/native_buffer.ts";
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
    const reason = error instanceof OsError ? error.reason : (error as Error).message;
    throw new Failure(`Cannot read the configuration file ${path}: ${reason}`);
  }
}

/** @throws {Error} if it cannot be read, is longer, or is not UTF-8 */
function readTextUpTo(path: string, most: number): string {
  const bytes = readBytes(path, most + 1);
  if (bytes.length > most) throw new Error(`it is longer than ${most} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("it is not UTF-8");
  }
}

/** Not by Deno, which lets only programs that may do everything read /dev/stdin. @throws {OsError} */
function readBytes(path: string, most: number): Uint8Array {
  const fd = openFd(cString(path), O_RDONLY | O_CLOEXEC);
  try {
    return readFd(fd, most);
  } finally {
    closeFd(fd);
  }
}
