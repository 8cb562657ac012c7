import { openLibcrypto } from "../../ffi/libcrypto.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import type { CryptoChoice } from "../../lib/config/choices.ts";
import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { Failure } from "../failure.ts";
import { readTextIfAny } from "../state_file.ts";

const STATE = "state";
const LIMITS = "file-limit";
const CRYPTO = "crypto";

/** What is written to see whether there is room: more than any of our files has. */
const TRIAL_BYTES = 256 * 1024;

/** Permission bits of group and others. */
const NOT_THE_OWNER = 0o077;

/** A file of a state folder: how its text is read, which throws if it makes no sense. */
export interface StateFile {
  name: string;
  isSecret: boolean;
  /** Whether the program refuses to start if it is damaged; else it sets it aside. */
  isVital: boolean;
  read(text: string, path: string): unknown;
}

/** Whether a state folder can be used: there, writable, with room, private, and its files whole. */
export function checkState(folder: string, files: readonly StateFile[]): Finding[] {
  try {
    if (!Deno.statSync(folder).isDirectory) throw new Error("it is no folder");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return [note(STATE, `There is no state folder ${folder} yet: the program makes it`)];
    }
    return [unusable(folder, error as Error)];
  }
  const findings = [...checkWriting(folder), ...files.flatMap((file) => checkFile(folder, file))];
  return findings.length > 0 ? findings : [ok(STATE, `${folder} can be read and written`)];
}

function unusable(folder: string, error: Error): Finding {
  const isBarred = error instanceof Deno.errors.PermissionDenied;
  return fault(STATE, `The state folder ${folder} cannot be used`, {
    why: error.message,
    mend: isBarred
      ? "run this command, and the program, as root (sudo) or as the folder's owner: what else is said here " +
        "may be wrong without"
      : "choose another with --state",
  });
}

function checkWriting(folder: string): Finding[] {
  let trial: string | undefined;
  try {
    trial = Deno.makeTempFileSync({ dir: folder, prefix: ".doctor-" });
    Deno.writeFileSync(trial, new Uint8Array(TRIAL_BYTES));
    return [];
  } catch (error) {
    const { message } = error as Error;
    if (!/os error 28|os error 122|os error 30/.test(message)) {
      return [unusable(folder, error as Error)];
    }
    const isReadOnly = message.includes("os error 30");
    return [
      fault(STATE, `Nothing can be written to ${folder}`, {
        why: message,
        mend: isReadOnly
          ? `mount the file system for writing ("findmnt -T ${folder}" shows it), or choose --state`
          : `make room ("df -h ${folder}" shows how much there is), or choose --state`,
      }),
    ];
  } finally {
    if (trial !== undefined) Deno.removeSync(trial);
  }
}

function checkFile(folder: string, { name, isSecret, isVital, read }: StateFile): Finding[] {
  const path = `${folder}/${name}`;
  try {
    const text = readTextIfAny(path);
    if (text === undefined) return [];
    read(text, path);
    if (!isSecret || (Deno.statSync(path).mode! & NOT_THE_OWNER) === 0) return [];
    return [
      warning(STATE, `Others than its owner can read ${path}`, {
        why: "who has what is in it can pass for this machine",
        mend: `"sudo chmod 600 ${path}"`,
      }),
    ];
  } catch (error) {
    const { message } = error as Error;
    const isUnreadable = error instanceof Failure && message.startsWith("Cannot read");
    return [
      (isVital || isUnreadable ? fault : warning)(
        STATE,
        `${path} ${isUnreadable ? "cannot be read" : "makes no sense"}`,
        {
          why: message,
          mend: isUnreadable
            ? `run as its owner, or "sudo chown --reference=${folder} ${path}"`
            : "put the copy back that you kept (docs/state.md says what is in it), or remove it",
        },
      ),
    ];
  }
}

/**
 * Whether a program can have as many files open as it needs.
 *
 * @param wanted how many
 */
export function checkFileLimit(wanted: number): Finding[] {
  const limits = readKernelFileIfAny("/proc/self/limits") ?? "";
  const most = Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? NaN);
  if (Number.isNaN(most) || most >= wanted) return [];
  return [
    warning(LIMITS, `A process may have ${most} files open here, and ${wanted} are wanted`, {
      why: "each client's connection is one: some would not be served",
      mend:
        '"ulimit -Hn" in a shell, LimitNOFILE= in a systemd service; or a smaller --max-clients',
    }),
  ];
}

/** Whether records are sealed at full speed. */
export function checkCrypto(choice: CryptoChoice): Finding[] {
  if (choice === "node" || openLibcrypto() !== undefined) return [];
  const what = "There is no libcrypto.so.3 or .so.1.1";
  const mend = "install OpenSSL (Debian: apt-get install libssl3)";
  if (choice === "auto") {
    return [note(CRYPTO, what, { why: "node:crypto does its work, more slowly", mend })];
  }
  return [fault(CRYPTO, what, { why: "--crypto libcrypto asks for it", mend })];
}
