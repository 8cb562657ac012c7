import {
  CloseReason,
  type Configuration,
  ControlType,
  readConfiguration,
  writeClose,
} from "../protocol/control.ts";
import type { Offload } from "../packet/offload.ts";
import type { Handshake } from "../protocol/noise.ts";
import { ClientFilter } from "./client_filter.ts";
import type { ClientOptions } from "./client_ports.ts";
import { DropReason } from "./counters.ts";
import { MAX_CONFIGURATIONS } from "./limits.ts";
import type { PathMeter } from "./path_meter.ts";
import { RateLimit } from "./rate_limit.ts";
import type { ConnectionReport } from "./report.ts";
import type { Link, LinkOwner } from "./link.ts";
import type { LinkLoss } from "./link_loss.ts";
import type { LivenessTiming } from "./liveness.ts";
import type { ChannelContext } from "./channel_context.ts";
import type { ChannelLoss, ChannelOwner } from "./channel_owner.ts";
import { channelLoss, closeLoss } from "./link_loss.ts";
import type { SecureChannel } from "./secure_channel.ts";
import type { Transport } from "./transport.ts";

/** Does a client's part of handshakes; each request is answered later, by the link's method named. */
export interface HandshakePorts {
  /**
   * Asks for the bytes to begin with; `hello()` answers.
   *
   * @param index of the client's end, over UDP
   */
  requestHello(index?: number): void;
  /** Asks for the first message of a handshake for new keys; `rekeyInitiation()` answers. */
  requestRekey(): void;
  /** Hands the server's message over; `established()` or `refuted()` answers. */
  complete(message: Uint8Array): void;
  /** The link is of no use any more: nothing is asked for it again. */
  forget(): void;
}

/** What a client's links have in common. */
export type LinkTerms = Pick<ClientOptions, "timing" | "announcement">;

/** A client's end of one secure connection, whatever it goes over. */
export abstract class SecureLink<Channel extends SecureChannel = SecureChannel>
  implements Link, ChannelOwner {
  protected readonly owner: LinkOwner;
  protected readonly ports: HandshakePorts;
  protected readonly context: ChannelContext;
  protected readonly timing: LivenessTiming;
  protected channel: Channel | undefined;
  protected lost = false;
  readonly #transport: Transport;
  readonly #announcement: Uint8Array | undefined;
  #filter: ClientFilter | undefined;
  /** Whether an answer of the ports, or of the server, is awaited that brings new keys. */
  #rekeying = false;
  readonly #configurations = new RateLimit(MAX_CONFIGURATIONS);

  constructor(
    owner: LinkOwner,
    transport: Transport,
    ports: HandshakePorts,
    { timing, announcement }: LinkTerms,
    context: ChannelContext,
  ) {
    this.owner = owner;
    this.#transport = transport;
    this.ports = ports;
    this.timing = timing;
    this.#announcement = announcement;
    this.context = context;
  }

  /** @see {Link} */
  get deadline(): number {
    if (this.channel === undefined) return Infinity;
    return Math.min(this.channel.deadline, this.#rekeying ? Infinity : this.channel.rekeyDue);
  }

  /** @see {Link} */
  get meter(): PathMeter {
    return this.channel!.meter;
  }

  /** @see {Link} */
  probe(now: number): void {
    this.channel!.probe(now);
  }

  /** @see {Link} */
  sample(now: number): void {
    this.channel!.sample(now);
  }

  /** @see {Link} */
  report(now: number): ConnectionReport {
    return this.channel!.report(now);
  }

  /** @see {Link} */
  get pathMtu(): number {
    return Infinity;
  }

  /** @see {Link} */
  get silence(): LinkLoss {
    if (this.channel !== undefined) return { reason: "the server sent no configuration" };
    return { reason: "the server did not answer the handshake", hint: this.unansweredHint };
  }

  /** What may be behind a handshake without an answer. */
  protected get unansweredHint(): string {
    return "does it know this client, and is the server key right?";
  }

  /** @see {Link} */
  closed(): LinkLoss {
    if (this.channel === undefined) return this.silence;
    return { reason: "the server closed the connection without a word" };
  }

  /** @see {Link} */
  advance(now: number): void {
    const channel = this.channel;
    if (channel === undefined) return;
    channel.advance(now);
    if (this.lost || this.#rekeying || now < channel.rekeyDue) return;
    this.#rekeying = true;
    this.ports.requestRekey();
  }

  /** Answers `requestHello()`. */
  abstract hello(bytes: Uint8Array): void;

  /** Answers `requestRekey()`. */
  rekeyInitiation(message: Uint8Array): void {
    this.channel?.sendReliably(ControlType.RekeyInitiation, message);
  }

  /**
   * The server's message was right, and these are the keys.
   *
   * @param capabilities what the server can take
   */
  established(handshake: Handshake, capabilities: number): void {
    if (this.lost) return;
    const isFirst = this.channel === undefined;
    if (this.channel === undefined) {
      this.channel = this.openChannel(handshake, capabilities);
    } else {
      this.channel.rekey(handshake, true);
      this.#rekeying = false;
    }
    // The first record with new keys proves to the server that this end has them.
    this.channel.probe(this.context.clock.now);
    if (!isFirst || this.#announcement === undefined) return;
    this.channel.sendReliably(ControlType.Announcement, this.#announcement);
  }

  /** The server's message was not right. */
  refuted(): void {
    this.lose({ reason: "the server's answer to the handshake is not authentic" });
  }

  /** @see {Link} */
  abstract receive(bytes: Uint8Array, offset: number, length: number, now: number): number;

  /** @see {Link} */
  get hasRoom(): boolean {
    return this.channel?.hasRoom ?? true;
  }

  /** @see {Link} */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const filter = this.#filter;
    const reason = filter === undefined
      ? DropReason.NotConnected
      : filter.checkOutgoing(bytes, offset, length);
    if (reason === undefined) this.channel!.sendPacket(bytes, offset, length, offload);
    else this.#drop(reason);
  }

  /** @see {Link} */
  close(): void {
    if (this.lost) return;
    this.lost = true;
    this.channel?.sendControl(ControlType.Close, writeClose(CloseReason.Stopping));
    this.#end();
  }

  /** @see {Link} */
  end(): void {
    if (this.lost) return;
    this.lost = true;
    this.#end();
  }

  /** @see {ChannelOwner} */
  channelPacket(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const filter = this.#filter;
    const reason = filter === undefined
      ? DropReason.NotConnected
      : filter.checkIncoming(bytes, offset, length);
    if (reason === undefined) this.owner.toTun(bytes, offset, length, offload);
    else this.#drop(reason);
  }

  /** @see {ChannelOwner} */
  channelControl(type: number, body: Uint8Array): void {
    switch (type) {
      case ControlType.Configuration:
        return this.#configure(body);
      case ControlType.RekeyResponse:
        if (this.#rekeying) this.ports.complete(body);
        return;
      case ControlType.Close:
        return this.lose(closeLoss(body[0] ?? 0));
    }
  }

  /** @see {ChannelOwner} */
  channelLost(reason: ChannelLoss): void {
    this.lose(channelLoss(reason));
  }

  /** @see {ChannelOwner} */
  channelTooLong(): void {}

  /** Makes the channel of a handshake that went well. */
  protected abstract openChannel(handshake: Handshake, capabilities: number): Channel;

  /** The server told the client what to use. */
  protected configured(_configuration: Configuration): void {}

  protected timingOf({ keepalive, timeout }: Configuration): LivenessTiming {
    return { keepalive, timeout };
  }

  #configure(body: Uint8Array): void {
    const { now } = this.context.clock;
    if (!this.#configurations.allows(now)) {
      return this.lose({ reason: "the server changes this client's settings all the time" });
    }
    const told = this.#readConfiguration(body);
    if (told === undefined) return;
    const { address, address6, prefixes } = told;
    this.configured(told);
    const isFirst = this.#filter === undefined;
    const addresses = [address.address, ...address6 ? [address6.address] : []];
    this.#filter = new ClientFilter(addresses, prefixes);
    this.channel!.timing = this.timingOf(told);
    if (isFirst) {
      this.owner.linkUp(address.address, told, now);
    } else {
      this.owner.linkConfigured(told);
    }
  }

  #readConfiguration(body: Uint8Array): Configuration | undefined {
    try {
      return readConfiguration(body);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.lose({
        reason: `the server gave a configuration that makes no sense: ${error.message}`,
      });
      return undefined;
    }
  }

  protected lose(loss: LinkLoss): void {
    if (this.lost) return;
    this.lost = true;
    this.#end();
    this.owner.linkLost(loss, this.context.clock.now);
  }

  #drop(reason: DropReason): void {
    (this.channel ?? this.context).counters.drop(reason);
  }

  #end(): void {
    this.channel?.end();
    this.#transport.close();
    this.ports.forget();
  }
}
