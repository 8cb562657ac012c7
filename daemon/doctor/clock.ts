import { isClockSynchronized } from "../../ffi/clock_state.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";

const CLOCK = "clock";

/** No clock that is right shows a time before this program was written. */
const WRITTEN = Date.UTC(2026, 0, 1);

/** Milliseconds that a timestamp may be ahead of the clock: what a client keeps is ahead by up to a minute. */
const AHEAD = 120_000;

/**
 * Whether this machine's clock may be right.
 *
 * @param latest the latest time that a state folder knows of, milliseconds since 1970
 */
export function checkClock(latest: number | undefined): Finding[] {
  const now = Date.now();
  const shown = new Date(now).toISOString().slice(0, 19);
  const mend =
    '"sudo timedatectl set-ntp true" (or another NTP client), or set it by "sudo date -s"';
  if (now < WRITTEN) {
    return [
      fault(CLOCK, `The clock says ${shown}, which is long ago`, {
        why:
          "a server refuses handshakes that are older than the last one, and invites end by the clock",
        mend,
      }),
    ];
  }
  if (latest !== undefined && latest > now + AHEAD) {
    return [
      warning(CLOCK, `The clock says ${shown}, but it was ${describe(latest)} already`, {
        why:
          "the clock went back, or was ahead: the state folder holds a handshake of that time; " +
          "a machine whose state folder is lost could not connect until then",
        mend,
      }),
    ];
  }
  if (isClockSynchronized() === false) {
    return [note(CLOCK, `The clock says ${shown}; nothing is known to keep it right`)];
  }
  return [ok(CLOCK, `The clock says ${shown}, and is kept right`)];
}

function describe(time: number): string {
  return time < 8.64e15 ? new Date(time).toISOString().slice(0, 19) : "later than any date";
}
