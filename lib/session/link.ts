import type { Offload } from "../packet/offload.ts";
import type { LinkLoss } from "./link_loss.ts";
import type { PathMeter } from "./path_meter.ts";
import type { ConnectionReport } from "./report.ts";
import type { Configuration } from "../protocol/control.ts";

/** Why a configuration changed. */
export type ChangeCause = "server" | "path";

/** What a link tells the client that it serves. A link that was lost says nothing more. */
export interface LinkOwner {
  /** The server gave this address; a classic server tells nothing else. Once per link. */
  linkUp(address: number, configuration: Configuration | undefined, now: number): void;
  /** The server told this in place of what it had told before. */
  linkConfigured(configuration: Configuration): void;
  /** The link's `pathMtu` is another one. */
  linkResized(): void;
  /** The link is of no use any more; its transport is closed. */
  linkLost(loss: LinkLoss, now: number): void;
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
}

/** A client's end of one connection, whatever the protocol. */
export interface Link {
  /** When `advance()` has something to do at the earliest. */
  readonly deadline: number;
  /** Does what is due by `now`. */
  advance(now: number): void;
  /** Takes bytes that came; returns how many are done with. The rest is to come again, with more. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number;
  /** Whether a packet of any length that the TUN device gives would find room now. */
  readonly hasRoom: boolean;
  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  /** Ends the session in good order, with all connections that it has. */
  close(): void;
  /** Ends the connection without a word. */
  end(): void;
  /** How the connection fares. */
  readonly meter: PathMeter;
  /** Sends a probe, by whose answer the meter learns. */
  probe(now: number): void;
  /** Tells the meter what the transport knows. */
  sample(now: number): void;
  /** How the connection fares, for a person; for a secure one, once its handshake is done. */
  report(now: number): ConnectionReport;
  /** Bytes of the longest packet that can be sent in one piece; Infinity over a stream. */
  readonly pathMtu: number;
  /** What it means that no address was given in the time for it. */
  readonly silence: LinkLoss;
  /**
   * What it means that the connection ended from outside before an address was given.
   *
   * @param orderly whether the server closed it
   */
  closed(reason: string, orderly: boolean): LinkLoss;
}
