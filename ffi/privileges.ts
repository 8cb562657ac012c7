import {
  _LINUX_CAPABILITY_VERSION_3,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
} from "./constants.ts";
import { check, Errno, OsError } from "./error.ts";
import { __USER_CAP_DATA_STRUCT as DATA, __USER_CAP_HEADER_STRUCT as HEADER } from "./layout.ts";
import { errno, libc } from "./libc.ts";
import type { FileOwner } from "./ownership.ts";
import { cString, NativeBuffer, writeUint64 } from "./native_buffer.ts";

/** More capabilities than any kernel has. */
const CAPABILITIES_MOST = 64;

/** Sets of 32 capabilities that capset(2) takes. */
const CAPABILITY_WORDS = 2;

const POINTER_SIZE = 8;

/**
 * Makes this thread another user's, with a few capabilities and nothing that could ever get it more
 * (capabilities(7)): neither it nor a program that it starts. Other threads lose what they had with root;
 * they are gone when `replaceProgram()` follows.
 *
 * @param capabilities numbers below 32
 * @throws {OsError} EPERM if this thread may not
 */
export function becomeUser({ uid, gid }: FileOwner, capabilities: readonly number[]): void {
  boundCapabilities(capabilities);
  check("prctl", libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  check("setgroups", libc.setgroups(0, 0));
  check("setresgid", libc.setresgid(gid, gid, gid));
  check("setresuid", libc.setresuid(uid, uid, uid));
  setCapabilities(capabilities);
  for (const capability of capabilities) {
    check("prctl", libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0));
  }
  check("prctl", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

function boundCapabilities(kept: readonly number[]): void {
  for (let capability = 0; capability < CAPABILITIES_MOST; capability++) {
    if (kept.includes(capability)) continue;
    if (libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) === 0) continue;
    // The kernel has no such capability, and none of a greater number.
    if (errno() === Errno.EINVAL) return;
    throw new OsError("prctl");
  }
}

function setCapabilities(capabilities: readonly number[]): void {
  const bits = capabilities.reduce((all, capability) => all | (1 << capability), 0);
  const header = new NativeBuffer(HEADER.size);
  header.view.setUint32(HEADER.version, _LINUX_CAPABILITY_VERSION_3, true);
  const data = new NativeBuffer(CAPABILITY_WORDS * DATA.size);
  for (const set of [DATA.effective, DATA.permitted, DATA.inheritable]) {
    data.view.setUint32(set, bits, true);
  }
  check("capset", libc.capset(header.bytes, data.bytes));
}

/**
 * Runs a program in the place of this one, as the same process (execv(3)).
 *
 * @param path its file
 * @param words its command line, the name first, without NULs
 * @throws {OsError}; returns never otherwise
 */
export function replaceProgram(path: string, words: readonly string[]): never {
  const texts = words.map((word) => {
    const bytes = cString(word);
    const text = new NativeBuffer(bytes.length);
    text.bytes.set(bytes);
    return text;
  });
  const list = new NativeBuffer((texts.length + 1) * POINTER_SIZE);
  texts.forEach(({ address }, i) => writeUint64(list.view, i * POINTER_SIZE, address));
  libc.execv(cString(path), list.address);
  throw new OsError("execv");
}
