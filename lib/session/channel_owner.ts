import type { Offload } from "../packet/offload.ts";

/** Why a channel cannot go on. */
export type ChannelLoss = "forged" | "silent" | "exhausted" | "overrun";

/** What a channel tells the end that it serves. */
export interface ChannelOwner {
  /** A packet came; the bytes are good until this returns. */
  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  /** A control message came, other than Ping and Pong; the body is a copy. */
  channelControl(type: number, body: Uint8Array): void;
  /** The channel cannot go on: what came is not what the other end sealed, or nothing more may be. */
  channelLost(reason: ChannelLoss): void;
  /** A packet cannot be sent since it is longer than `most` bytes, which is what the path takes. */
  channelTooLong(bytes: Uint8Array, offset: number, length: number, most: number): void;
}
