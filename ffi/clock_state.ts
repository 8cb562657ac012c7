import { STA_UNSYNC } from "./constants.ts";
import { TIMEX } from "./layout.ts";
import { libc } from "./libc.ts";
import { NativeBuffer } from "./native_buffer.ts";

/**
 * Whether something, such as an NTP client, keeps this machine's clock right (adjtimex(2), which changes
 * nothing when it is given no modes). Undefined where that cannot be asked.
 */
export function isClockSynchronized(): boolean | undefined {
  const { view, address } = new NativeBuffer(TIMEX.size);
  if (libc.adjtimex(address) < 0) return undefined;
  return (view.getInt32(TIMEX.status, true) & STA_UNSYNC) === 0;
}
