import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { Handshake } from "../protocol/noise.ts";
import { Backoff } from "./backoff.ts";
import { ClassicLink } from "./classic_link.ts";
import { DropReason, Way } from "./counters.ts";
import {
  BACKOFF_LONGEST,
  BACKOFF_RESET,
  CONNECT_TIMEOUT,
  FIRST_RESOLVE_TIME,
  RECLAIM_TIME,
} from "./limits.ts";
import type { ChangeCause, Link, LinkLoss, LinkOwner } from "./link.ts";
import type { LivenessTiming } from "./liveness.ts";
import type { ChannelContext } from "./secure_channel.ts";
import { DatagramLink } from "./datagram_link.ts";
import { SecureLink } from "./secure_link.ts";
import { StreamLink } from "./stream_link.ts";
import { isDatagramTransport, type Transport } from "./transport.ts";

/** What a person may want to know of a client. Times are in milliseconds. */
export type ClientEvent =
  /** Connected to the candidate of this index, with what the server told. */
  | {
    type: "up";
    address: number;
    configuration: Configuration | undefined;
    candidate: number;
  }
  /** The configuration changed while connected. */
  | { type: "changed"; configuration: Configuration; cause: ChangeCause }
  /** A connection that was up is gone; another attempt follows in `retry`. */
  | { type: "down"; reason: string; retry: number }
  /** An attempt came to nothing; another follows in `retry`. */
  | { type: "failed"; reason: string; retry: number }
  /** The server refused the address that this client asked for; another attempt follows. */
  | { type: "refused"; address: number; retry: number }
  /** There is no sense in going on. */
  | { type: "gave_up"; cause: "refused" | "unresolved" | "rejected"; reason: string };

/** What a client needs of the world around it. Links have numbers, which answers repeat. */
export interface ClientPorts {
  /** Asks for the server's addresses; `resolved()` or `unresolved()` answers. */
  resolve(): void;
  /** Asks for a connection to a candidate; `connected()` or `disconnected()` answers. */
  connect(candidate: number): void;
  /** Ends the attempt to connect that was begun last; it is not to answer any more. */
  abandon(): void;
  /**
   * Asks for the bytes that a secure connection begins with; `hello()` answers.
   *
   * @param index of the client's end, over UDP
   */
  requestHello(link: number, index: number | undefined): void;
  /** Asks for the first message of a handshake for new keys; `rekeyInitiation()` answers. */
  requestRekey(link: number): void;
  /** Hands over the server's message of a handshake; `established()` or `refuted()` answers. */
  complete(link: number, message: Uint8Array): void;
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  report(event: ClientEvent): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

export interface ClientOptions {
  /** Whether to speak the classic protocol. */
  classic: boolean;
  /** The address to ask for; any will do if undefined. */
  address?: number | undefined;
  /** For as long as the server does not say otherwise. */
  timing: LivenessTiming;
}

type Phase = "waiting" | "resolving" | "connecting" | "asking" | "up" | "stopped";

/**
 * A client: finds the server, connects, asks for an address, passes packets, and does so again
 * whenever the connection is lost, asking for the address that it had. Like Server it has no clock,
 * no sockets and no timers: times are milliseconds of one monotonic clock.
 */
export class Client implements LinkOwner {
  readonly #options: ClientOptions;
  readonly #ports: ClientPorts;
  readonly #channels: ChannelContext;
  readonly #backoff: Backoff;
  readonly #begun: number;
  #phase: Phase = "waiting";
  /** When the present phase ends by itself; while "up" only the link's deadline counts. */
  #phaseEnds: number;
  #candidates = 0;
  #candidate = 0;
  /** Whether the server's name was found once, so that it cannot be a slip. */
  #found = false;
  #link: Link | undefined;
  /** Counts links, so that answers for one that is gone are told apart. */
  #linkNumber = 0;
  /** The address that this client had last. */
  #address: number | undefined;
  #upSince = 0;
  #lostAt = 0;

  constructor(options: ClientOptions, ports: ClientPorts, channels: ChannelContext) {
    this.#options = options;
    this.#ports = ports;
    this.#channels = channels;
    this.#backoff = new Backoff(() => ports.random());
    this.#begun = this.#phaseEnds = channels.clock.now;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return Math.min(this.#phaseEnds, this.#link?.deadline ?? Infinity);
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    if (now < this.#phaseEnds) return this.#link?.advance(now);
    switch (this.#phase) {
      case "waiting":
        this.#enter("resolving", Infinity);
        return this.#ports.resolve();
      case "connecting":
        this.#ports.abandon();
        return this.disconnected(`no answer within ${CONNECT_TIMEOUT / 1000} s`, now);
      case "asking":
        // Over UDP only silence tells that nobody is there.
        if (this.#link instanceof DatagramLink && this.#candidate + 1 < this.#candidates) {
          this.#dropLink();
          return this.#connect(this.#candidate + 1, now);
        }
        return this.#retry(
          "failed",
          this.#options.classic
            ? `no address within ${CONNECT_TIMEOUT / 1000} s`
            : this.#link!.silence.reason,
          now,
        );
    }
  }

  /** The server's name stands for this many addresses, the candidates 0, 1, ... */
  resolved(candidates: number, now: number): void {
    if (this.#phase !== "resolving") return;
    this.#candidates = candidates;
    this.#found = true;
    this.#connect(0, now);
  }

  /** The server's name could not be resolved; `permanent` if it does not exist at all. */
  unresolved(reason: string, permanent: boolean, now: number): void {
    if (this.#phase !== "resolving") return;
    if (!this.#found && (permanent || now >= this.#begun + FIRST_RESOLVE_TIME)) {
      this.#giveUp("unresolved", reason);
    } else {
      this.#retry("failed", reason, now);
    }
  }

  /** The connection asked for is there. */
  connected(transport: Transport, now: number): void {
    if (this.#phase !== "connecting") return transport.close();
    this.#enter("asking", now + CONNECT_TIMEOUT);
    this.#linkNumber++;
    this.#link = this.#options.classic
      ? this.#classicLink(transport, now)
      : this.#secureLink(transport);
  }

  /**
   * The connection, or the attempt to make it, ended from outside.
   *
   * @param orderly whether the server closed it, which is how a classic one refuses
   */
  disconnected(reason: string, now: number, orderly = true): void {
    switch (this.#phase) {
      case "connecting":
        if (this.#candidate + 1 < this.#candidates) return this.#connect(this.#candidate + 1, now);
        return this.#retry("failed", reason, now);
      case "asking":
        if (!this.#options.classic) return this.#retry("failed", this.#link!.silence.reason, now);
        return orderly ? this.#refused(now) : this.#retry("failed", reason, now);
      case "up":
        return this.#retry("down", reason, now);
    }
  }

  /** Takes bytes that came over the connection; the same contract as `Connection.receive()`. */
  receive(bytes: Uint8Array, offset: number, length: number, now: number): number {
    return this.#link === undefined ? length : this.#link.receive(bytes, offset, length, now);
  }

  /** All datagrams that came together were given to `receive()`. */
  settle(): void {
    if (this.#link instanceof DatagramLink) this.#link.settle();
  }

  /** Whether a packet that the TUN device gives would find room now, or be dropped for other reasons. */
  get hasRoom(): boolean {
    return this.#link?.hasRoom ?? true;
  }

  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#channels.counters.pass(Way.FromTun, length);
    if (this.#phase === "up") this.#link!.fromTun(bytes, offset, length, offload);
    else this.#channels.counters.drop(DropReason.NotConnected);
  }

  /** Answers `requestHello()`. */
  hello(link: number, bytes: Uint8Array): void {
    this.#secure(link)?.hello(bytes);
  }

  /** Answers `requestRekey()`. */
  rekeyInitiation(link: number, message: Uint8Array): void {
    this.#secure(link)?.rekeyInitiation(message);
  }

  /** The server's message of a handshake was right, and these are the keys. */
  established(link: number, handshake: Handshake, capabilities: number): void {
    this.#secure(link)?.established(handshake, capabilities);
  }

  /** The server's message of a handshake was not right. */
  refuted(link: number): void {
    this.#secure(link)?.refuted();
  }

  /** Ends the connection in good order, for ever. */
  close(): void {
    this.#dropLink();
    this.#enter("stopped", Infinity);
  }

  /** @see {LinkOwner} */
  linkUp(address: number, configuration: Configuration | undefined, now: number): void {
    this.#enter("up", Infinity);
    this.#address = address;
    this.#upSince = now;
    this.#ports.report({ type: "up", address, configuration, candidate: this.#candidate });
  }

  /** @see {LinkOwner} */
  linkChanged(configuration: Configuration, cause: ChangeCause): void {
    this.#address = configuration.address.address;
    this.#ports.report({ type: "changed", configuration, cause });
  }

  /** @see {LinkOwner} */
  linkLost({ reason, again }: LinkLoss, now: number): void {
    if (again === "never") return this.#giveUp("rejected", reason);
    this.#retry(this.#phase === "up" ? "down" : "failed", reason, now, again === "later");
  }

  /** @see {LinkOwner} */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#ports.toTun(bytes, offset, length, offload);
  }

  #classicLink(transport: Transport, now: number): Link {
    const { timing } = this.#options;
    return new ClassicLink(this, transport, this.#wanted(now), timing, this.#channels);
  }

  #secureLink(transport: Transport): Link {
    const link = this.#linkNumber;
    const ports = {
      requestHello: (index?: number) => this.#ports.requestHello(link, index),
      requestRekey: () => this.#ports.requestRekey(link),
      complete: (message: Uint8Array) => this.#ports.complete(link, message),
    };
    const { timing } = this.#options;
    if (!isDatagramTransport(transport)) {
      return new StreamLink(this, transport, ports, timing, this.#channels);
    }
    const random = (): number => this.#ports.random();
    return new DatagramLink(this, transport, ports, timing, this.#channels, random);
  }

  /** The secure link of this number, if that is the one there is. */
  #secure(number: number): SecureLink | undefined {
    const isPresent = number === this.#linkNumber && this.#link instanceof SecureLink;
    return isPresent ? this.#link as SecureLink : undefined;
  }

  #enter(phase: Phase, ends: number): void {
    this.#phase = phase;
    this.#phaseEnds = ends;
  }

  #connect(candidate: number, now: number): void {
    this.#candidate = candidate;
    this.#enter("connecting", now + CONNECT_TIMEOUT);
    this.#ports.connect(candidate);
  }

  /** The address to ask for: the one demanded, else for a while the one that was lost. */
  #wanted(now: number): number | undefined {
    const reclaim = now < this.#lostAt + RECLAIM_TIME ? this.#address : undefined;
    return this.#options.address ?? reclaim;
  }

  /** The server closed the connection instead of giving an address. */
  #refused(now: number): void {
    const address = this.#wanted(now);
    if (address === undefined) {
      this.#retry("failed", "the server closed the connection without giving an address", now);
    } else if (this.#address === undefined) {
      this.#giveUp("refused", "the server refused it");
    } else {
      this.#ports.report({ type: "refused", address, retry: this.#pause(now) });
    }
  }

  /** @param late whether only the longest pause makes sense */
  #retry(type: "down" | "failed", reason: string, now: number, late = false): void {
    if (type === "down") {
      this.#lostAt = now;
      if (now - this.#upSince >= BACKOFF_RESET) this.#backoff.reset();
    }
    this.#ports.report({ type, reason, retry: this.#pause(now, late) });
  }

  /** Waits before the next attempt; returns how long. */
  #pause(now: number, late = false): number {
    const pause = late ? Math.max(this.#backoff.next(), BACKOFF_LONGEST) : this.#backoff.next();
    this.#dropLink();
    this.#enter("waiting", now + pause);
    return pause;
  }

  #dropLink(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  #giveUp(cause: "refused" | "unresolved" | "rejected", reason: string): void {
    this.#dropLink();
    this.#enter("stopped", Infinity);
    this.#ports.report({ type: "gave_up", cause, reason });
  }
}
