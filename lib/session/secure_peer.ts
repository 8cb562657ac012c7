import {
  CloseReason,
  ControlType,
  describeClose,
  writeClose,
  writeConfiguration,
} from "../protocol/control.ts";
import { readAnnouncement } from "../protocol/announcement.ts";
import type { Offload } from "../packet/offload.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { Connection, Stage } from "./connection.ts";
import type { Admission, Answer, Verdict } from "./gatekeeper.ts";
import { type Counters, DropReason } from "./counters.ts";
import { HANDSHAKE_TIMEOUT, REKEY_LEAST_INTERVAL } from "./limits.ts";
import type { Path } from "./paths.ts";
import type { PathMeter } from "./path_meter.ts";
import type { ConnectionReport } from "./report.ts";
import type { PeerSession } from "./peer_session.ts";
import type { ChannelLoss, ChannelOwner } from "./channel_owner.ts";
import type { SecureChannel } from "./secure_channel.ts";
import type { Server } from "./server.ts";

const LOSSES: Readonly<Record<ChannelLoss, string>> = {
  forged: "what came is not what the client sent",
  silent: "silent for too long",
  exhausted: "did not make new keys in time",
  overrun: "takes nothing any more",
};

/** A server's end of one secure connection, whatever it goes over, from the answer to the handshake on. */
export abstract class SecurePeer<Channel extends SecureChannel = SecureChannel>
  implements Stage, Path, ChannelOwner {
  abstract readonly carrier: Carrier;
  protected readonly connection: Connection;
  protected readonly channel: Channel;
  readonly #server: Server;
  readonly #confirmBy: number;
  #confirmed = false;
  /** What it is a path of; undefined before it was let in. */
  #session: PeerSession | undefined;
  #rekeyedAt = -Infinity;
  /** Whether the client said over this connection what is behind it. */
  #announced = false;

  /** @param open makes the channel, for which the peer is */
  constructor(
    server: Server,
    connection: Connection,
    now: number,
    open: (owner: ChannelOwner) => Channel,
  ) {
    this.#server = server;
    this.connection = connection;
    this.#confirmBy = now + HANDSHAKE_TIMEOUT;
    this.channel = open(this);
  }

  /** @see {Path} */
  get meter(): PathMeter {
    return this.channel.meter;
  }

  get source(): string {
    return this.connection.origin.host;
  }

  /** @see {Stage} */
  get deadline(): number {
    if (!this.#confirmed) return this.#confirmBy;
    return Math.min(this.channel.deadline, this.#session?.deadline ?? Infinity);
  }

  /** @see {Stage} */
  advance(now: number): void {
    if (this.#confirmed) {
      this.channel.advance(now);
      this.#session?.advance(now);
    } else if (now >= this.#confirmBy) this.connection.abort("did not show who it is in time");
  }

  /** @see {Stage} */
  abstract receive(bytes: Uint8Array, offset: number, length: number): number;

  /** @see {Stage} */
  ended(reason: string): void {
    this.channel.end();
    this.#server.peerLeft(this, this.#session, this.connection, reason);
  }

  /** Lets the client in, or tells it what changed. */
  judge(verdict: Verdict): void {
    if ("refuse" in verdict) return this.expel(verdict.refuse);
    this.#session = this.#server.admit(this, verdict.admit);
    if (!this.connection.isClosed) this.#configure(verdict.admit);
  }

  /** Whether there are networks behind other clients that it reaches unless the server keeps them apart. */
  get hasNetworksBeyond(): boolean {
    return (this.#session?.admission.beyond.length ?? 0) > 0;
  }

  /** The server tells its clients something else from now on, and waits for them as long as that says. */
  changeTerms(): void {
    this.channel.changeTiming(this.#server.timing);
    if (this.#session !== undefined) this.#configure(this.#session.admission);
  }

  /** Takes the answer to `Server.rekey()`. */
  rekeyed(answer: Answer): void {
    this.channel.sendReliably(ControlType.RekeyResponse, answer.message);
    this.channel.rekey(answer.handshake, false);
  }

  /** Tells the client why, and ends its session, or the connection alone if it was not let in. */
  expel(reason: CloseReason): void {
    if (this.#session === undefined) this.dismiss(reason);
    else this.#session.expel(reason);
  }

  /** Tells the client why, and ends the connection: the others of its session are to end as well. */
  dismiss(reason: CloseReason): void {
    this.channel.sendControl(ControlType.Close, writeClose(reason));
    this.connection.close(EXPEL_TEXTS[reason] ?? describeClose(reason));
  }

  /** Ends the connection without a word. */
  drop(reason: string): void {
    this.connection.close(reason);
  }

  /** Whether a packet of any length would find room now. */
  get hasRoom(): boolean {
    return this.channel.hasRoom;
  }

  /** @see {Path} */
  probe(now: number): void {
    this.channel.probe(now);
  }

  /** @see {Path} */
  sample(now: number): void {
    this.channel.sample(now);
  }

  /** What passed over this connection. */
  get counters(): Counters {
    return this.channel.counters;
  }

  /** @see {Path} */
  report(now: number): ConnectionReport {
    return this.channel.report(now);
  }

  /** Sends a packet. */
  send(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.channel.sendPacket(bytes, offset, length, offload);
  }

  /** @see {ChannelOwner} */
  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    if (this.#session === undefined) this.counters.drop(DropReason.NotConnected);
    else this.#server.router.fromMember(this.#session, bytes, offset, length, offload);
  }

  /** @see {ChannelOwner} */
  channelControl(type: number, body: Uint8Array): void {
    if (type === ControlType.Close) this.#left();
    else if (type === ControlType.RekeyInitiation) this.#rekey(body);
    else if (type === ControlType.Announcement && !this.#announced) this.#announce(body);
  }

  /** @see {ChannelOwner} */
  channelLost(reason: ChannelLoss): void {
    this.connection.close(LOSSES[reason]);
  }

  /** @see {ChannelOwner} */
  channelTooLong(bytes: Uint8Array, offset: number, length: number, most: number): void {
    this.#server.tooLong(bytes, offset, length, most);
  }

  /** Something came: the first of it proves that the client has the keys. */
  protected heard(): void {
    if (this.#confirmed || !this.channel.hasHeard || this.connection.isClosed) return;
    this.#confirmed = true;
    this.#server.confirmed(this.connection);
  }

  #configure(admission: Admission): void {
    const configuration = writeConfiguration(this.#server.configurationFor(admission));
    this.channel.sendReliably(ControlType.Configuration, configuration);
  }

  /** The client ends its session, whichever path its word came by. */
  #left(): void {
    const reason = "it ended the session";
    this.#session?.drop(reason);
    this.connection.close(reason);
  }

  #announce(body: Uint8Array): void {
    this.#announced = true;
    // What comes first may be this: the gatekeeper is to know the client before.
    this.heard();
    try {
      this.#server.announced(this.connection, readAnnouncement(body));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.expel(CloseReason.ProtocolViolation);
    }
  }

  #rekey(message: Uint8Array): void {
    const { now } = this.#server.channels.clock;
    if (now < this.#rekeyedAt + REKEY_LEAST_INTERVAL || this.#session === undefined) {
      return this.expel(CloseReason.ProtocolViolation);
    }
    this.#rekeyedAt = now;
    this.#server.rekey(this.connection, message);
  }
}

/** Why a peer was sent away, as the server's log says it. */
const EXPEL_TEXTS: Partial<Record<CloseReason, string>> = {
  [CloseReason.Stopping]: "the server stops",
  [CloseReason.Replaced]: "the same identity connected anew",
  [CloseReason.Removed]: "it was removed",
  [CloseReason.Disabled]: "it was disabled",
  [CloseReason.InviteUsed]: "its invite was used before",
  [CloseReason.InviteExpired]: "its invite has expired",
  [CloseReason.InviteRevoked]: "its invite was revoked",
  [CloseReason.AddressRefused]: "the address it asked for, or has, cannot be used",
  [CloseReason.NoAddress]: "no address is left",
  [CloseReason.ProtocolViolation]: "it sent something that the protocol does not allow",
};
