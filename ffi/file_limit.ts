import { RLIMIT_NOFILE } from "./constants.ts";
import { check } from "./error.ts";
import { RLIMIT } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

/**
 * Lets this process have `wanted` file descriptors open at once, or as many as its hard limit allows
 * (getrlimit(2)). Returns how many it may have now.
 *
 * @throws {OsError}
 */
export function raiseFileLimit(wanted: number): number {
  const { view, address } = new NativeBuffer(RLIMIT.size);
  check("getrlimit", libc.getrlimit(RLIMIT_NOFILE, address));
  const limit = view.getBigUint64(RLIMIT.rlim_cur, true);
  const most = view.getBigUint64(RLIMIT.rlim_max, true);
  const raised = most < wanted ? most : BigInt(wanted);
  if (limit >= raised) return Number(limit);
  view.setBigUint64(RLIMIT.rlim_cur, raised, true);
  check("setrlimit", libc.setrlimit(RLIMIT_NOFILE, address));
  return Number(raised);
}
