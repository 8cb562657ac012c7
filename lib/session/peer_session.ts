import type { Offload } from "../packet/offload.ts";
import type { CloseReason } from "../protocol/control.ts";
import { Counters } from "./counters.ts";
import type { Admission } from "./gatekeeper.ts";
import { Paths } from "./paths.ts";
import type { PeerReport } from "./report.ts";
import type { Member } from "./router.ts";
import type { SecurePeer } from "./secure_peer.ts";

/** What a session tells its server. */
export interface PeerSessionOwner {
  /** Of all packets. */
  readonly counters: Counters;
  /** Whether clients reach the server's side only, not each other. */
  readonly isolate: boolean;
  /** The time by the server's clock, in milliseconds. */
  readonly now: number;
  /** The session has something to do sooner than it had. */
  hurry(session: PeerSession): void;
  /** What goes to the client goes by another path from now on. */
  moved(session: PeerSession, reason: string): void;
}

/** A secure client that was let in: the one or two connections that it has, as one member. */
export class PeerSession implements Member {
  readonly #owner: PeerSessionOwner;
  readonly #paths: Paths<SecurePeer>;
  readonly #begun: number;
  /** What was dropped of what came from the client, and all that connections counted which are gone. */
  readonly counters: Counters;
  /** What the client was admitted as last. */
  admission: Admission;

  constructor(owner: PeerSessionOwner, admission: Admission) {
    this.#owner = owner;
    this.#begun = owner.now;
    this.counters = owner.counters.part();
    this.admission = admission;
    this.#paths = new Paths((reason) => owner.moved(this, reason), false);
  }

  /** By which packets go to the client; undefined if it has no connection any more. */
  get active(): SecurePeer | undefined {
    return this.#paths.active;
  }

  /** When `advance()` has something to do at the earliest. */
  get deadline(): number {
    return this.#paths.deadline;
  }

  advance(now: number): void {
    this.#paths.advance(now);
  }

  /** Adds a connection, in place of an older one over the same carrier. */
  add(peer: SecurePeer): void {
    if (this.#paths.get(peer.carrier) === peer) return;
    this.#paths.add(peer, this.#owner.now)?.drop("made its connection anew");
  }

  /** A connection is gone. */
  remove(peer: SecurePeer, reason: string): void {
    this.counters.add(peer.counters.copy());
    this.#paths.remove(peer, reason, this.#owner.now);
  }

  /** How the session fares, for a person. */
  report(now: number): PeerReport {
    const { identity, name, address } = this.admission;
    const paths = this.#paths.report(now);
    const sum = new Counters(this.counters.copy().buffer);
    for (const { counts } of paths) sum.add(counts);
    return { identity, name, address, age: now - this.#begun, counts: sum.copy(), paths };
  }

  /** Tells the client why, and ends all connections. */
  expel(reason: CloseReason): void {
    for (const peer of this.#activeLast) peer.dismiss(reason);
  }

  /** Ends all connections without a word. */
  drop(reason: string): void {
    for (const peer of this.#activeLast) peer.drop(reason);
  }

  /** @see {Member} */
  get isolated(): boolean {
    return this.#owner.isolate || this.admission.isolated;
  }

  /** @see {Member} */
  get hasRoom(): boolean {
    return this.#paths.active?.hasRoom ?? true;
  }

  /** @see {Member} */
  deliver(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    if (this.#paths.sending(this.#owner.now)) this.#owner.hurry(this);
    this.#paths.active?.send(bytes, offset, length, offload);
  }

  /** All connections in an order in which they can end without packets moving from one to another. */
  get #activeLast(): SecurePeer[] {
    const { active, all } = this.#paths;
    return all.toSorted((a, b) => Number(a === active) - Number(b === active));
  }
}
