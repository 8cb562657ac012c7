import { fault, type Finding, note, ok, warning } from "./finding.ts";

const CLOCK = "clock";

/** No clock that is right shows a time before this program was written. */
const WRITTEN = Date.UTC(2026, 0, 1);

/** Milliseconds that a timestamp may be ahead of the clock: what a client keeps is ahead by up to a minute. */
const AHEAD = 120_000;

/** The latest time that a Date can be of (ECMA-262, 21.4.1.1). */
const LAST_TIME = 8.64e15;

const MEND = '"sudo timedatectl set-ntp true" (or another NTP client), or set it by "sudo date -s"';

/**
 * Whether a clock may be right. Times are milliseconds since 1970.
 *
 * @param latest the latest time that a state folder knows of
 * @param isSynchronized whether something keeps the clock right; undefined if nobody knows
 */
export function judgeClock(
  now: number,
  latest: number | undefined,
  isSynchronized: boolean | undefined,
): Finding {
  const shown = `The clock says ${format(now)}`;
  if (now < WRITTEN) {
    return fault(CLOCK, `${shown}, which is long ago`, {
      why:
        "a server refuses handshakes that are older than the last one, and invites end by the clock",
      mend: MEND,
    });
  }
  if (latest !== undefined && latest > now + AHEAD) {
    return warning(CLOCK, `${shown}, but it was ${format(latest)} already`, {
      why:
        "the clock went back, or was ahead: the state folder holds a handshake of that time; a machine " +
        "whose state folder is lost could not connect until then",
      mend: MEND,
    });
  }
  if (isSynchronized === false) return note(CLOCK, `${shown}; nothing is known to keep it right`);
  return ok(CLOCK, isSynchronized ? `${shown}, and is kept right` : shown);
}

function format(time: number): string {
  if (time > LAST_TIME) return "later than any date";
  return `${new Date(time).toISOString().slice(0, 19)} UTC`;
}
