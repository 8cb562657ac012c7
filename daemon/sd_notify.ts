import { OsError } from "../ffi/error.ts";
import { sendUnixDatagram } from "../ffi/unix_socket.ts";
import { log } from "./logging.ts";

/** What is told is one line; names from elsewhere are in it. */
const CONTROL_CHARACTERS = /\p{Cc}+/gu;

/** Milliseconds that an end may take by itself: settings and DNS are put back by programs. */
const END_TIME = 30_000;

/**
 * The service manager that started this program, as systemd (sd_notify(3), sd_watchdog_enabled(3)).
 * Where there is none, telling it something does nothing.
 */
export class ServiceManager {
  readonly #socket: string | undefined;
  /** Milliseconds without a sign of life after which it starts this program anew. */
  readonly #patience: number | undefined;

  /** @param environment what it said: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID */
  constructor(environment: (name: string) => string | undefined = (name) => Deno.env.get(name)) {
    const socket = environment("NOTIFY_SOCKET");
    this.#socket = socket && /^[/@]/.test(socket) ? socket : undefined;
    const pid = environment("WATCHDOG_PID");
    const microseconds = Number(environment("WATCHDOG_USEC"));
    const isMeant = pid === undefined || Number(pid) === Deno.pid;
    if (isMeant && microseconds > 0) this.#patience = microseconds / 1000;
  }

  /** Says that the program does, from now on or again, what it is there for; and in words, what. */
  ready(status: string): void {
    this.#tell("READY=1", statusLine(status));
  }

  /** Says in words what the program is doing, for "systemctl status". */
  status(text: string): void {
    this.#tell(statusLine(text));
  }

  /**
   * Says that the program is about to end, and how long that may take: more than TimeoutStopSec= of its
   * unit, perhaps, and to be killed would leave the machine changed.
   *
   * @param time milliseconds that what was configured may take
   */
  stopping(time: number): void {
    this.#tell("STOPPING=1", `EXTEND_TIMEOUT_USEC=${(time + END_TIME) * 1000}`);
  }

  /**
   * Gives signs of life until disposed of, twice as often as asked for, each after an answer.
   *
   * @param answer asks what must not hang; while that owes an answer there is no sign of life
   */
  watch(answer: () => Promise<void>): Disposable {
    if (this.#patience === undefined) return { [Symbol.dispose]: () => {} };
    let waiting = false;
    const ask = async (): Promise<void> => {
      if (waiting) return;
      waiting = true;
      await answer();
      waiting = false;
      this.#tell("WATCHDOG=1");
    };
    const timer = setInterval(ask, this.#patience / 2);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  #tell(...assignments: string[]): void {
    if (this.#socket === undefined) return;
    try {
      sendUnixDatagram(this.#socket, new TextEncoder().encode(`${assignments.join("\n")}\n`));
    } catch (error) {
      if (!(error instanceof OsError || error instanceof RangeError)) throw error;
      log.debug("The service manager was not told {what}: {reason}", {
        what: assignments[0],
        reason: error.message,
      });
    }
  }
}

function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(CONTROL_CHARACTERS, " ")}`;
}
