import { EPOLLIN } from "../ffi/constants.ts";
import { closeFd } from "../ffi/fd.ts";
import {
  currentNetwork,
  monitorBuffer,
  openNetworkMonitor,
  receiveChanges,
} from "../ffi/network_monitor.ts";
import type { IpAddress } from "../lib/address/ip_address.ts";
import { ChangeFilter } from "./change_filter.ts";
import type { EventLoop, FdHandler } from "./event_loop.ts";

/** Milliseconds in which changes that follow the first one count as one: they come in bursts. */
const SETTLE_TIME = 250;

/** Datagrams that are taken in one go before other file descriptors get their turn. */
const READS_PER_TURN = 64;

/** Watches the machine's links, addresses and routes on a loop, for changes that may matter to a client. */
export class NetworkWatch implements FdHandler {
  readonly #loop: EventLoop;
  readonly #fd: number;
  readonly #buffer = monitorBuffer();
  readonly #filter: ChangeFilter;
  readonly #changed: () => void;
  /** When a change is told of; Infinity if there was none. */
  #due = Infinity;

  /**
   * @param tun number of this program's own interface
   * @param servers gives where the server is
   * @param changed is told of changes
   * @throws {OsError} where netlink cannot be had
   */
  constructor(
    loop: EventLoop,
    tun: number,
    servers: () => readonly IpAddress[],
    changed: () => void,
  ) {
    this.#loop = loop;
    this.#changed = changed;
    this.#fd = openNetworkMonitor();
    try {
      // What changes meanwhile comes to the socket.
      this.#filter = new ChangeFilter(tun, servers, currentNetwork());
      loop.add(this.#fd, EPOLLIN, this);
    } catch (error) {
      closeFd(this.#fd);
      throw error;
    }
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return this.#due;
  }

  advance(now: number): void {
    if (now < this.#due) return;
    this.#due = Infinity;
    this.#changed();
  }

  /** @see {FdHandler} */
  ready(): void {
    for (let i = 0; i < READS_PER_TURN; i++) {
      const changes = receiveChanges(this.#fd, this.#buffer);
      if (changes === undefined) return;
      // Each is to be looked at, since the filter takes note of them.
      const matter = changes === "some" ||
        changes.filter((change) => this.#filter.matters(change)).length > 0;
      if (matter) this.#due = Math.min(this.#due, this.#loop.now + SETTLE_TIME);
    }
  }
}
