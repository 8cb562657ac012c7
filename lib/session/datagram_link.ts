import { type Configuration, ControlType } from "../protocol/control.ts";
import {
  cookieOfReply,
  datagramIndex,
  DatagramType,
  datagramType,
  messageOfResponseDatagram,
  putCookie,
  serverIndexOf,
} from "../protocol/datagram.ts";
import { Opened } from "../protocol/datagram_cipher.ts";
import { uintValue } from "../protocol/items.ts";
import type { Handshake } from "../protocol/noise.ts";
import { DropReason } from "./counters.ts";
import { DatagramChannel, PACKET_OVERHEAD } from "./datagram_channel.ts";
import { BACKOFF_JITTER, PATH_PATIENCE, RETRANSMIT_FIRST, RETRANSMIT_LONGEST } from "./limits.ts";
import type { LinkOwner } from "./link.ts";
import type { LivenessTiming } from "./liveness.ts";
import { PathMtu } from "./path_mtu.ts";
import type { ChannelContext } from "./channel_context.ts";
import { type HandshakePorts, type LinkTerms, SecureLink } from "./secure_link.ts";
import type { DatagramTransport } from "./transport.ts";

/** Bytes of the number with which a probe begins. */
const LENGTH_LENGTH = 2;

/** A client's end of one secure connection over UDP. */
export class DatagramLink extends SecureLink<DatagramChannel> {
  readonly #transport: DatagramTransport;
  readonly #random: () => number;
  /** By which the server knows this end; another one with each initiation. */
  #index = 0;
  #serverIndex = 0;
  #cookie: Uint8Array | undefined;
  /** Whether an answer of the server is being looked at. */
  #completing = false;
  /** When the initiation, or the first ping, is sent again; Infinity once the server has let this end in. */
  #repeatAt = Infinity;
  #pause = RETRANSMIT_FIRST;
  #path: PathMtu | undefined;

  /**
   * Begins the handshake at once.
   *
   * @param random gives numbers from 0 up to, not including, 1
   */
  constructor(
    owner: LinkOwner,
    transport: DatagramTransport,
    ports: HandshakePorts,
    terms: LinkTerms,
    context: ChannelContext,
    random: () => number,
  ) {
    super(owner, transport, ports, terms, context);
    this.#transport = transport;
    this.#random = random;
    this.#initiate();
  }

  override get deadline(): number {
    const repeatAt = this.#completing ? Infinity : this.#repeatAt;
    return Math.min(super.deadline, repeatAt, this.#path?.deadline ?? Infinity);
  }

  override advance(now: number): void {
    super.advance(now);
    if (this.lost) return;
    this.#path?.advance(now);
    if (now < this.#repeatAt || this.#completing) return;
    if (this.channel === undefined) this.#initiate();
    else this.#ping();
  }

  override hello(bytes: Uint8Array): void {
    if (this.lost || this.channel !== undefined) return;
    if (this.#cookie !== undefined) putCookie(bytes, this.#cookie);
    this.#transport.send(bytes, 0, bytes.length);
  }

  override established(handshake: Handshake, capabilities: number): void {
    const isFirst = this.channel === undefined;
    this.#completing = false;
    super.established(handshake, capabilities);
    if (!isFirst) return;
    this.#pause = RETRANSMIT_FIRST;
    this.#wait();
  }

  /** Whoever can send a datagram can send a wrong answer: the right one may come yet. */
  override refuted(): void {
    this.#completing = false;
  }

  override receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    const type = datagramType(bytes, offset, length);
    const isOwn = !this.lost && datagramIndex(bytes, offset) === this.#index;
    if (type === DatagramType.Data && isOwn && this.channel !== undefined) {
      this.#take(this.channel, bytes, offset, length);
    } else if (type === DatagramType.Response && isOwn && this.channel === undefined) {
      this.#complete(bytes, offset, length);
    } else if (type === DatagramType.CookieReply && isOwn && this.channel === undefined) {
      this.#takeCookie(cookieOfReply(bytes, offset), now);
    } else {
      this.context.counters.drop(DropReason.Forged);
    }
    return length;
  }

  /** All that came together was given. */
  settle(): void {
    this.channel?.settle();
  }

  override channelControl(type: number, body: Uint8Array): void {
    if (type === ControlType.ProbeReply) {
      const { now } = this.context.clock;
      return this.#path?.answered(body.length + PACKET_OVERHEAD, now);
    }
    super.channelControl(type, body);
  }

  protected override openChannel(handshake: Handshake, capabilities: number): DatagramChannel {
    return new DatagramChannel(
      this,
      this.#transport,
      this.#serverIndex,
      handshake,
      capabilities,
      this.timing,
      this.context,
    );
  }

  /** Over TCP something is there that takes connections; of UDP not even that is known. */
  protected override get unansweredHint(): string {
    return "is UDP let through, does it know this client, and is the server key right?";
  }

  override get pathMtu(): number {
    return this.channel!.longestPacket;
  }

  /** Datagrams may go another way than before. */
  rerouted(now: number): void {
    this.#path?.restart(now);
  }

  protected override configured(): void {
    this.#repeatAt = Infinity;
    this.#path ??= this.#findPath(this.channel!);
  }

  protected override timingOf({ keepalive, timeout }: Configuration): LivenessTiming {
    return { keepalive, timeout: Math.min(timeout, keepalive + PATH_PATIENCE) };
  }

  #findPath(channel: DatagramChannel): PathMtu {
    const path = new PathMtu({
      longest: () => this.#transport.longest,
      probe: (length, longest) => {
        const body = new Uint8Array(length - PACKET_OVERHEAD);
        body.set(uintValue(longest, LENGTH_LENGTH));
        channel.sendControl(ControlType.Probe, body);
      },
      changed: (longest) => {
        channel.longest = longest;
        this.owner.linkResized();
      },
    }, this.context.clock.now);
    channel.longest = path.longest;
    return path;
  }

  /** Sends a new initiation: the server takes each only once, so the last one cannot be repeated. */
  #initiate(): void {
    this.#index = Math.floor(this.#random() * 2 ** 32);
    this.#wait();
    this.ports.requestHello(this.#index);
  }

  #ping(): void {
    this.#wait();
    this.channel!.probe(this.context.clock.now);
  }

  #wait(): void {
    this.#repeatAt = this.context.clock.now + this.#pause * (1 + BACKOFF_JITTER * this.#random());
    this.#pause = Math.min(2 * this.#pause, RETRANSMIT_LONGEST);
  }

  #complete(bytes: Uint8Array, offset: number, length: number): void {
    if (this.#completing) return;
    this.#completing = true;
    this.#serverIndex = serverIndexOf(bytes, offset);
    this.ports.complete(messageOfResponseDatagram(bytes, offset, length));
  }

  /** The first cookie is used at once; others, which come when one is too old, in their time. */
  #takeCookie(cookie: Uint8Array, now: number): void {
    if (this.#cookie === undefined) this.#repeatAt = now;
    this.#cookie = cookie;
  }

  #take(channel: DatagramChannel, bytes: Uint8Array, offset: number, length: number): void {
    const opened = channel.open(bytes, offset, length);
    if (opened === Opened.Late || opened === Opened.Newest) channel.take(bytes, offset, length);
  }
}
