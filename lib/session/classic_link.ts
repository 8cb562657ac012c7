import { isOrdinary } from "../address/ip_address.ts";
import { LIMITED_BROADCAST, UNSPECIFIED } from "../address/ipv4_address.ts";
import {
  classify,
  CONTROL_LENGTH,
  controlDestination,
  Kind,
  LOST,
  receiveStream,
  type StreamReceiver,
  writeControl,
} from "../protocol/classic.ts";
import { IPV4_MAX_LENGTH } from "../packet/ipv4.ts";
import { type Offload, WHOLE } from "../packet/offload.ts";
import type { Segmenter } from "../packet/segmentation.ts";
import { ClientFilter } from "./client_filter.ts";
import { type Counters, DropReason, Way } from "./counters.ts";
import { PathMeter } from "./path_meter.ts";
import { type ConnectionReport, latestRoundTrip } from "./report.ts";
import type { Link, LinkOwner } from "./link.ts";
import type { LinkLoss } from "./link_loss.ts";
import { CONNECT_TIMEOUT } from "./limits.ts";
import { Due, Liveness, type LivenessTiming } from "./liveness.ts";
import type { ChannelContext } from "./channel_context.ts";
import type { Transport } from "./transport.ts";

/** A client's end of one classic connection: asks for an address, then passes packets. */
export class ClassicLink implements Link, StreamReceiver {
  readonly #owner: LinkOwner;
  readonly #transport: Transport;
  readonly #counters: Counters;
  readonly #segmenter: Segmenter;
  readonly #clock: ChannelContext["clock"];
  readonly #liveness: Liveness;
  readonly #begun: number;
  readonly #control = new Uint8Array(CONTROL_LENGTH);
  readonly #wanted: number | undefined;
  #filter: ClientFilter | undefined;
  #lost = false;

  /**
   * Sends the request at once.
   *
   * @param wanted the address to ask for; any will do if undefined
   */
  constructor(
    owner: LinkOwner,
    transport: Transport,
    wanted: number | undefined,
    timing: LivenessTiming,
    { counters, segmenter, clock }: ChannelContext,
  ) {
    this.#owner = owner;
    this.#transport = transport;
    this.#counters = counters.part();
    this.#begun = clock.now;
    this.#segmenter = segmenter;
    this.#clock = clock;
    this.#wanted = wanted;
    this.#liveness = new Liveness(timing, clock.now);
    this.#sendControl(wanted ?? UNSPECIFIED, UNSPECIFIED);
  }

  /** @see {Link} */
  get deadline(): number {
    return this.#liveness.deadline;
  }

  /** @see {Link} */
  get silence(): LinkLoss {
    return { reason: `no address within ${CONNECT_TIMEOUT / 1000} s` };
  }

  /** @see {Link} */
  closed(reason: string, orderly: boolean): LinkLoss {
    if (!orderly) return { reason };
    const loss = { reason: "the server closed the connection without giving an address" };
    return this.#wanted === undefined ? loss : { ...loss, refused: this.#wanted };
  }

  /** @see {Link} */
  advance(now: number): void {
    switch (this.#liveness.due(now)) {
      case Due.Probe:
        return this.#sendControl(LIMITED_BROADCAST, LIMITED_BROADCAST);
      case Due.End: {
        const seconds = Math.round(this.#liveness.timing.timeout / 1000);
        return this.#lose(`the server was silent for ${seconds} s`, now);
      }
    }
  }

  /** @see {Link} */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    this.#liveness.heard(now);
    const done = receiveStream(this, bytes, offset, length);
    if (done !== LOST) return done;
    this.#counters.drop(DropReason.Malformed);
    this.#lose("the server sent bytes that are not an IP packet (is it a simplevpn server?)", now);
    return length;
  }

  /** @see {Link} */
  get hasRoom(): boolean {
    return this.#transport.hasRoom(IPV4_MAX_LENGTH);
  }

  /** @see {Link} */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const reason = this.#filter === undefined
      ? DropReason.NotConnected
      : this.#filter.checkOutgoing(bytes, offset, length);
    if (reason !== undefined) return this.#counters.drop(reason);
    if (!this.#segmenter.segment(bytes, offset, length, offload, this.#send)) {
      this.#counters.drop(DropReason.Unsupported);
    }
  }

  readonly #send = (bytes: Uint8Array, offset: number, length: number): void => {
    if (!this.#transport.hasRoom(length) || !this.#transport.send(bytes, offset, length)) {
      return this.#counters.drop(DropReason.OutboxFull);
    }
    this.#liveness.sent(this.#clock.now);
    this.#counters.pass(Way.ToPeers, length);
  };

  /** @see {Link} */
  close(): void {
    this.#lost = true;
    this.#transport.close();
  }

  /** @see {Link} */
  end(): void {
    this.close();
  }

  /** @see {Link} */
  readonly meter: PathMeter = new PathMeter();

  /** Nothing is measured of a connection that has no alternative. @see {Link} */
  probe(): void {}

  /** @see {Link} */
  sample(): void {}

  /** @see {Link} */
  report(now: number): ConnectionReport {
    return {
      remote: this.#transport.remote,
      age: now - this.#begun,
      silence: now - this.#liveness.heardAt,
      roundTrip: latestRoundTrip(undefined, this.#transport, now),
      counts: this.#counters.copy(),
    };
  }

  /** @see {Link} */
  readonly pathMtu = Infinity;

  /** @see {StreamReceiver} */
  receivePacket(bytes: Uint8Array, offset: number, length: number): boolean {
    switch (classify(bytes, offset, length)) {
      case Kind.Packet:
        this.#fromServer(bytes, offset, length);
        break;
      case Kind.Keepalive:
        break;
      case Kind.Reply:
        this.#takeReply(controlDestination(bytes, offset));
        break;
      default:
        this.#counters.drop(DropReason.StrayControl);
    }
    return !this.#lost;
  }

  /** The C server answers each request twice, so only the first reply counts. */
  #takeReply(address: number): void {
    if (this.#filter !== undefined) return this.#counters.drop(DropReason.StrayControl);
    const isWanted = this.#wanted === undefined || this.#wanted === address;
    const now = this.#liveness.heardAt;
    if (!isWanted || !isOrdinary(address)) {
      return this.#lose("the server gave an address that cannot be used", now);
    }
    this.#filter = new ClientFilter([address]);
    this.#owner.linkUp(address, undefined, now);
  }

  #fromServer(bytes: Uint8Array, offset: number, length: number): void {
    this.#counters.pass(Way.FromPeers, length);
    const reason = this.#filter === undefined
      ? DropReason.DestinationAddress
      : this.#filter.checkIncoming(bytes, offset, length);
    if (reason === undefined) this.#owner.toTun(bytes, offset, length, WHOLE);
    else this.#counters.drop(reason);
  }

  #sendControl(source: number, destination: number): void {
    writeControl(this.#control, 0, source, destination);
    this.#transport.send(this.#control, 0, CONTROL_LENGTH);
  }

  #lose(reason: string, now: number): void {
    this.#lost = true;
    this.#transport.close();
    this.#owner.linkLost({ reason }, now);
  }
}
