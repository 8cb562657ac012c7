import { DEFAULT_MTU } from "../config/options.ts";
import { MssClamp } from "../packet/mss.ts";
import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { Backoff } from "./backoff.ts";
import { ClientPaths } from "./client_paths.ts";
import { ClassicLink } from "./classic_link.ts";
import { DropReason, Way } from "./counters.ts";
import {
  BACKOFF_LONGEST,
  BACKOFF_RESET,
  DATAGRAM_MOST,
  FIRST_RESOLVE_TIME,
  RECLAIM_TIME,
} from "./limits.ts";
import type { ChangeCause, Link, LinkLoss } from "./link.ts";
import type { LivenessTiming } from "./liveness.ts";
import { Race } from "./race.ts";
import type { ClientReport } from "./report.ts";
import { type Target, targetsOf } from "./target.ts";
import type { ChannelContext } from "./secure_channel.ts";
import { PACKET_OVERHEAD } from "./datagram_channel.ts";
import { DatagramLink } from "./datagram_link.ts";
import { SecureLink } from "./secure_link.ts";
import { StreamLink } from "./stream_link.ts";
import {
  type DatagramTransport,
  isDatagramTransport,
  type StreamTransport,
  type Transport,
} from "./transport.ts";

/**
 * What a person may want to know of a client. Times are in milliseconds. `mtu` is what the interface is
 * to have: no longer packet can be sent in one piece, whichever path it goes by.
 */
export type ClientEvent =
  /** Connected to the candidate of this index, with what the server told. */
  | {
    type: "up";
    address: number;
    configuration: Configuration | undefined;
    candidate: number;
    carrier: Carrier;
    mtu: number;
  }
  /** What the server told, or the MTU, changed while connected. */
  | { type: "changed"; configuration: Configuration; mtu: number; cause: ChangeCause }
  /** The server was reached over this carrier, too, or is not any more. */
  | { type: "path_up"; carrier: Carrier }
  | { type: "path_down"; carrier: Carrier; reason: string }
  /** An attempt to reach it over this carrier, too, came to nothing. */
  | { type: "path_failed"; carrier: Carrier; reason: string }
  /** What this client sends goes over this carrier from now on. */
  | { type: "moved"; carrier: Carrier; reason: string }
  /** A connection that was up is gone; another attempt follows in `retry`. */
  | { type: "down"; reason: string; retry: number }
  /** All attempts came to nothing; others follow in `retry`. */
  | { type: "failed"; reason: string; retry: number }
  /** The server refused the address that this client asked for; another attempt follows. */
  | { type: "refused"; address: number; retry: number }
  /** There is no sense in going on. */
  | { type: "gave_up"; cause: "refused" | "unresolved" | "rejected"; reason: string };

/** What a client needs of the world around it. Links have numbers, which answers repeat. */
export interface ClientPorts {
  /** Asks for the server's addresses; `resolved()` or `unresolved()` answers. */
  resolve(): void;
  /** Asks for a connection to a candidate; `connected()` or `failed()` answers. */
  connect(link: number, candidate: number, carrier: Carrier): void;
  /** Ends the attempt to connect, which is not to answer any more. */
  abandon(link: number): void;
  /**
   * Asks for the bytes that a secure connection begins with; `hello()` answers.
   *
   * @param session number of the session that the connection is to be a path of
   * @param index of the client's end, over UDP
   */
  requestHello(link: number, session: number, index: number | undefined): void;
  /** Asks for the first message of a handshake for new keys; `rekeyInitiation()` answers. */
  requestRekey(link: number): void;
  /** Hands over the server's message of a handshake; `established()` or `refuted()` answers. */
  complete(link: number, message: Uint8Array): void;
  /** Nothing more is asked for by this link, for which there was a `requestHello()`. */
  forget(link: number): void;
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  report(event: ClientEvent): void;
  /** Gives numbers from 0 up to, not including, 1. */
  random(): number;
}

export interface ClientOptions {
  /** Whether to speak the classic protocol. */
  classic: boolean;
  /** What to go over, the best first. */
  carriers: readonly Carrier[];
  /** The address to ask for; any will do if undefined. */
  address?: number | undefined;
  /** Of the interface, at the most; undefined for what the server says. */
  mtu?: number | undefined;
  /** For as long as the server does not say otherwise. */
  timing: LivenessTiming;
}

type Phase = "waiting" | "resolving" | "racing" | "up" | "stopped";

/**
 * A client: finds the server, connects by whichever of its addresses answers, asks for an address,
 * passes packets, and does so again whenever the connection is lost, asking for the address that it
 * had. Like Server it has no clock, no sockets and no timers: times are milliseconds of one monotonic
 * clock.
 */
export class Client implements AttemptOwner {
  readonly #options: ClientOptions;
  readonly #ports: ClientPorts;
  readonly #channels: ChannelContext;
  readonly #backoff: Backoff;
  readonly #begun: number;
  #phase: Phase = "waiting";
  /** When the present phase ends by itself. */
  #phaseEnds: number;
  /** Whether the server's name was found once, so that it cannot be a slip. */
  #found = false;
  /** There while "racing". */
  #race: Race | undefined;
  /** There while "up". */
  #paths: ClientPaths | undefined;
  /** Counts links, so that answers for one that is gone are told apart. */
  #linkNumber = 0;
  /** Counts sessions: the connections of one race, of which one is used, and those that join it. */
  #session = 0;
  /** What the server told last, and by which lengths datagrams pass. */
  #configuration: Configuration | undefined;
  #pathMtu: number;
  /** Longest packet that the interfaces of both ends take, and every path. */
  #longest = 0;
  readonly #mss = new MssClamp();
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
    // As long as nobody knows better: an interface whose MTU stays as it is disturbs nobody.
    const hasUdp = options.carriers.includes("udp");
    this.#pathMtu = hasUdp ? DATAGRAM_MOST - PACKET_OVERHEAD : Infinity;
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return (this.#paths ?? this.#race)?.deadline ?? this.#phaseEnds;
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    switch (this.#phase) {
      case "waiting":
        if (now < this.#phaseEnds) return;
        this.#enter("resolving", Infinity);
        return this.#ports.resolve();
      case "racing":
        return this.#advanceRace(now);
      case "up":
        return this.#paths!.advance(now);
    }
  }

  /** The server's name stands for these addresses, the candidates 0, 1, ..., best first. */
  resolved(candidates: readonly string[], now: number): void {
    if (this.#phase !== "resolving") return;
    this.#found = true;
    this.#session++;
    this.#enter("racing", Infinity);
    const ports = {
      attempt: (target: Target, now: number) => this.#attempt(target, now),
      connect: (attempt: Attempt) => this.#connect(attempt),
    };
    const { classic, carriers } = this.#options;
    // A classic server takes a second request for one address for another client's.
    this.#race = new Race(targetsOf(candidates, carriers), classic, ports, now);
    this.#advanceRace(now);
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

  /** The connection asked for is there. Returns who takes what comes over it. */
  connected(
    link: number,
    transport: StreamTransport | DatagramTransport,
    now: number,
  ): Attempt {
    const attempt = this.#attemptOf(link)!;
    const makeLink = this.#options.classic
      ? (owner: Attempt) => this.#classicLink(owner, transport, now)
      : (owner: Attempt) => this.#secureLink(owner, transport);
    if (this.#race === undefined) attempt.connected(makeLink, now);
    else this.#race.connected(attempt, makeLink, now);
    return attempt;
  }

  /** The connection asked for could not be made. */
  failed(link: number, reason: string, now: number): void {
    this.attemptLost(this.#attemptOf(link)!, { reason }, now);
  }

  /** Whether a packet that the TUN device gives would find room now, or be dropped for other reasons. */
  get hasRoom(): boolean {
    return this.#paths?.active?.link?.hasRoom ?? true;
  }

  /** Passes on a packet that the TUN device gave. */
  fromTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    const { counters, clock } = this.#channels;
    counters.pass(Way.FromTun, length);
    if (this.#paths === undefined) return counters.drop(DropReason.NotConnected);
    this.#paths.sending(clock.now);
    this.#mss.clamp(bytes, offset, length, offload, this.#longest);
    this.#paths.active!.link!.fromTun(bytes, offset, length, offload);
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
    const secure = this.#secure(link);
    if (secure === undefined) return;
    this.#race?.lead(this.#race.attempt(link)!);
    secure.established(handshake, capabilities);
  }

  /** The server's message of a handshake was not right. */
  refuted(link: number): void {
    this.#secure(link)?.refuted();
  }

  /** How its connections fare, for a person. */
  report(now: number): ClientReport {
    const age = this.#paths === undefined ? undefined : now - this.#upSince;
    return { age, paths: this.#paths?.report(now) ?? [] };
  }

  /** Ends the connection in good order, for ever. */
  close(): void {
    this.#dropLinks();
    this.#enter("stopped", Infinity);
  }

  /** @see {AttemptOwner} */
  attemptUp(
    attempt: Attempt,
    address: number,
    configuration: Configuration | undefined,
    now: number,
  ): void {
    const { candidate, carrier } = attempt.target;
    if (this.#paths !== undefined) {
      this.#ports.report({ type: "path_up", carrier });
      this.#paths.add(attempt, now);
      if (configuration !== undefined) this.#change(attempt, configuration, "path");
      return;
    }
    this.#enter("up", Infinity);
    this.#race = undefined;
    this.#address = address;
    this.#upSince = now;
    const mtu = this.#learn(attempt, configuration);
    this.#ports.report({ type: "up", address, configuration, candidate, carrier, mtu });
    this.#paths = this.#newPaths(attempt, now);
  }

  /** @see {AttemptOwner} */
  attemptConfigured(attempt: Attempt, configuration: Configuration): void {
    this.#change(attempt, configuration, "server");
  }

  /** @see {AttemptOwner} */
  attemptResized(attempt: Attempt): void {
    // What the server told last may have come by the other path alone.
    this.#change(attempt, this.#configuration!, "path");
  }

  /** @see {AttemptOwner} */
  attemptLost(attempt: Attempt, loss: LinkLoss, now: number): void {
    const { reason, again } = loss;
    this.#race?.lost(attempt, loss, now);
    if (again === "never") return this.#giveUp("rejected", reason);
    if (this.#paths !== undefined) return this.#pathLost(this.#paths, attempt, loss, now);
    if (again === "later") return this.#retry("failed", reason, now, true);
  }

  /** @see {AttemptOwner} */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#mss.clamp(bytes, offset, length, offload, this.#longest);
    this.#ports.toTun(bytes, offset, length, offload);
  }

  #change(attempt: Attempt, configuration: Configuration, cause: ChangeCause): void {
    const before = [this.#configuration, this.#mtu];
    const mtu = this.#learn(attempt, configuration);
    // Each path tells it.
    if (JSON.stringify(before) === JSON.stringify([configuration, mtu])) return;
    this.#address = configuration.address.address;
    this.#ports.report({ type: "changed", configuration, mtu, cause });
  }

  #attempt(target: Target, now: number): Attempt {
    const number = ++this.#linkNumber;
    return new Attempt(number, target, this, () => this.#ports.abandon(number), now);
  }

  #connect({ number, target: { candidate, carrier } }: Attempt): void {
    this.#ports.connect(number, candidate, carrier);
  }

  #newPaths(first: Attempt, now: number): ClientPaths {
    const ports = {
      attempt: (carrier: Carrier, now: number) => this.#attempt({ ...first.target, carrier }, now),
      connect: (attempt: Attempt) => this.#connect(attempt),
      moved: (carrier: Carrier, reason: string) =>
        this.#ports.report({ type: "moved", carrier, reason }),
      random: () => this.#ports.random(),
    };
    return new ClientPaths(first, this.#options.carriers, ports, now);
  }

  #pathLost(paths: ClientPaths, attempt: Attempt, loss: LinkLoss, now: number): void {
    const { reason, again, endsSession = false } = loss;
    const { carrier } = attempt.target;
    // Its other path is not worth a move.
    const wasPath = !endsSession && paths.lost(attempt, loss, now);
    if (endsSession || paths.active === undefined) {
      return this.#retry("down", reason, now, again === "later");
    }
    this.#ports.report({ type: wasPath ? "path_down" : "path_failed", carrier, reason });
  }

  /**
   * Takes what the server told, and the path's MTU: only the UDP path has one, which is remembered when
   * that path is gone, since it may come again. Returns the MTU of the interface.
   */
  #learn({ link }: Attempt, configuration: Configuration | undefined): number {
    if (link!.pathMtu < Infinity) this.#pathMtu = link!.pathMtu;
    this.#configuration = configuration;
    this.#longest = Math.min(this.#mtu, configuration?.mtu ?? Infinity);
    return this.#mtu;
  }

  /** Of the interface. */
  get #mtu(): number {
    const wanted = this.#options.mtu ?? this.#configuration?.mtu ?? DEFAULT_MTU;
    return Math.min(wanted, this.#pathMtu);
  }

  #attemptOf(link: number): Attempt | undefined {
    return (this.#race ?? this.#paths)?.attempt(link);
  }

  #advanceRace(now: number): void {
    const race = this.#race!;
    race.advance(now);
    if (race !== this.#race || !race.isOver) return;
    if (race.refused !== undefined) this.#refused(race.refused, now);
    else this.#retry("failed", race.describe(), now);
  }

  #classicLink(owner: Attempt, transport: Transport, now: number): Link {
    const { timing } = this.#options;
    return new ClassicLink(owner, transport, this.#wanted(now), timing, this.#channels);
  }

  #secureLink(owner: Attempt, transport: StreamTransport | DatagramTransport): Link {
    const link = owner.number;
    const session = this.#session;
    const ports = {
      requestHello: (index?: number) => this.#ports.requestHello(link, session, index),
      requestRekey: () => this.#ports.requestRekey(link),
      complete: (message: Uint8Array) => this.#ports.complete(link, message),
      forget: () => this.#ports.forget(link),
    };
    const { timing } = this.#options;
    if (!isDatagramTransport(transport)) {
      return new StreamLink(owner, transport, ports, timing, this.#channels);
    }
    const random = (): number => this.#ports.random();
    return new DatagramLink(owner, transport, ports, timing, this.#channels, random);
  }

  /** The secure link of this number, if there is one still. */
  #secure(number: number): SecureLink | undefined {
    const link = this.#attemptOf(number)?.link;
    return link instanceof SecureLink ? link : undefined;
  }

  #enter(phase: Phase, ends: number): void {
    this.#phase = phase;
    this.#phaseEnds = ends;
  }

  /** The address to ask for: the one demanded, else for a while the one that was lost. */
  #wanted(now: number): number | undefined {
    const reclaim = now < this.#lostAt + RECLAIM_TIME ? this.#address : undefined;
    return this.#options.address ?? reclaim;
  }

  /** A server closed the connection instead of giving this address. */
  #refused(address: number, now: number): void {
    if (this.#address === undefined) this.#giveUp("refused", "the server refused it");
    else this.#ports.report({ type: "refused", address, retry: this.#pause(now) });
  }

  /** @param late whether only the longest pause makes sense */
  #retry(type: "down" | "failed", reason: string, now: number, late = false): void {
    if (type === "down") {
      this.#lostAt = now;
      if (now - this.#upSince >= BACKOFF_RESET) this.#backoff.reset();
    }
    this.#ports.report({ type, reason, retry: this.#pause(now, late) });
  }

  /** Waits before the next attempts; returns how long. */
  #pause(now: number, late = false): number {
    const pause = late ? Math.max(this.#backoff.next(), BACKOFF_LONGEST) : this.#backoff.next();
    this.#dropLinks();
    this.#enter("waiting", now + pause);
    return pause;
  }

  #dropLinks(): void {
    this.#race?.close();
    this.#paths?.close();
    this.#race = this.#paths = undefined;
  }

  #giveUp(cause: "refused" | "unresolved" | "rejected", reason: string): void {
    this.#dropLinks();
    this.#enter("stopped", Infinity);
    this.#ports.report({ type: "gave_up", cause, reason });
  }
}
