import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { Path } from "./paths.ts";
import type { PathMeter } from "./path_meter.ts";
import type { ConnectionReport } from "./report.ts";
import type { Target } from "./target.ts";
import { CONNECT_TIMEOUT } from "./limits.ts";
import { DatagramLink } from "./datagram_link.ts";
import type { Link, LinkOwner } from "./link.ts";
import type { LinkLoss } from "./link_loss.ts";

/** What an attempt tells the client that makes it. One that was lost, or closed, says nothing more. */
export interface AttemptOwner {
  /** The server gave an address: from now on this is the client's connection. */
  attemptUp(
    attempt: Attempt,
    address: number,
    configuration: Configuration | undefined,
    now: number,
  ): void;
  /** @see {LinkOwner.linkConfigured} */
  attemptConfigured(attempt: Attempt, configuration: Configuration): void;
  /** @see {LinkOwner.linkResized} */
  attemptResized(attempt: Attempt): void;
  /** The attempt came to nothing, or what came of it ended. */
  attemptLost(attempt: Attempt, loss: LinkLoss, now: number): void;
  /** @see {LinkOwner.toTun} */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
}

/**
 * One attempt to reach a server one way, and the connection that comes of it: a path. It takes what the
 * connection brings, which is why it outlives the race for which it was made.
 */
export class Attempt implements LinkOwner, Path {
  /** The number of its link. */
  readonly number: number;
  readonly target: Target;
  readonly #owner: AttemptOwner;
  readonly #abandon: () => void;
  #link: Link | undefined;
  /** When the time for the present step is over. */
  #ends: number;
  #isUp = false;

  /** @param abandon ends the making of the connection */
  constructor(
    number: number,
    target: Target,
    owner: AttemptOwner,
    abandon: () => void,
    now: number,
  ) {
    this.number = number;
    this.target = target;
    this.#owner = owner;
    this.#abandon = abandon;
    this.#ends = now + CONNECT_TIMEOUT;
  }

  /** There once the connection is. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return Math.min(this.#ends, this.#link?.deadline ?? Infinity);
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    if (now < this.#ends) return this.#link?.advance(now);
    const loss = this.#link?.silence ?? { reason: `no answer within ${CONNECT_TIMEOUT / 1000} s` };
    this.end();
    this.#owner.attemptLost(this, loss, now);
  }

  /** The connection is there, and `link` speaks over it. */
  connected(link: (attempt: Attempt) => Link, now: number): void {
    this.#ends = now + CONNECT_TIMEOUT;
    this.#link = link(this);
  }

  /** Takes bytes that came over the connection; the same contract as `Connection.receive()`. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    return this.#link!.receive(bytes, offset, length, now);
  }

  /** Takes a datagram that came over the connection. */
  receiveDatagram(
    bytes: Uint8Array,
    offset: number,
    length: number,
    _sender: unknown,
    now: number,
  ): void {
    this.#link!.receive(bytes, offset, length, now);
  }

  /** All datagrams that came together were given. */
  settle(): void {
    if (this.#link instanceof DatagramLink) this.#link.settle();
  }

  /** What is sent may go another way than before. */
  rerouted(now: number): void {
    if (this.#link instanceof DatagramLink) this.#link.rerouted(now);
  }

  /**
   * The connection ended from outside.
   *
   * @param orderly whether the server closed it, which is how a classic one refuses
   */
  disconnected(reason: string, now: number, orderly = true): void {
    const loss = this.#isUp ? { reason } : this.#link!.closed(reason, orderly);
    this.end();
    this.#owner.attemptLost(this, loss, now);
  }

  /** Ends the session with all its connections, or the making of this one. */
  close(): void {
    if (this.#link === undefined) this.#abandon();
    else this.#link.close();
  }

  /** Ends the connection without a word, or the making of it. */
  end(): void {
    if (this.#link === undefined) this.#abandon();
    else this.#link.end();
  }

  /** @see {Path} */
  get carrier(): Carrier {
    return this.target.carrier;
  }

  /** @see {Path} */
  get meter(): PathMeter {
    return this.#link!.meter;
  }

  /** @see {Path} */
  probe(now: number): void {
    this.#link!.probe(now);
  }

  /** @see {Path} */
  sample(now: number): void {
    this.#link!.sample(now);
  }

  /** @see {Path} */
  report(now: number): ConnectionReport {
    return this.#link!.report(now);
  }

  /** @see {LinkOwner} */
  linkUp(address: number, configuration: Configuration | undefined, now: number): void {
    this.#isUp = true;
    this.#ends = Infinity;
    this.#owner.attemptUp(this, address, configuration, now);
  }

  /** @see {LinkOwner} */
  linkConfigured(configuration: Configuration): void {
    this.#owner.attemptConfigured(this, configuration);
  }

  /** @see {LinkOwner} */
  linkResized(): void {
    this.#owner.attemptResized(this);
  }

  /** @see {LinkOwner} */
  linkLost(loss: LinkLoss, now: number): void {
    this.#owner.attemptLost(this, loss, now);
  }

  /** @see {LinkOwner} */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#owner.toTun(bytes, offset, length, offload);
  }
}
