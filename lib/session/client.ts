import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { ChannelContext } from "./channel_context.ts";
import { makeLink } from "./client_links.ts";
import { ClientPaths } from "./client_paths.ts";
import type { ClientOptions, ClientPorts } from "./client_ports.ts";
import { DropReason, Way } from "./counters.ts";
import { HeldAddress } from "./held_address.ts";
import { BACKOFF_RESET, RACE_TIME, RACE_TIME_OF_SEVERAL } from "./limits.ts";
import type { ChangeCause, Link } from "./link.ts";
import type { LinkLoss } from "./link_loss.ts";
import { Race } from "./race.ts";
import type { ClientReport } from "./report.ts";
import { type Target, targetsOf } from "./target.ts";
import { SecureLink } from "./secure_link.ts";
import { type ServerFailure, ServerSearch } from "./server_search.ts";
import type { DatagramTransport, StreamTransport } from "./transport.ts";
import { TunnelTerms } from "./tunnel_terms.ts";

/**
 * A client: finds the server, connects by whichever of its addresses answers, asks for an address,
 * passes packets, and does so again whenever the connection is lost, asking for the address that it
 * had. Of several servers it takes the first that works, and goes on to the next when the one that it
 * has is gone and does not answer any more. Like Server it has no clock, no sockets and no timers: times
 * are milliseconds of one monotonic clock.
 */
export class Client implements AttemptOwner {
  readonly #options: ClientOptions;
  readonly #ports: ClientPorts;
  readonly #channels: ChannelContext;
  readonly #search: ServerSearch;
  /** There while it is found out which way a server answers. */
  #race: Race | undefined;
  /** There while connected. */
  #paths: ClientPaths | undefined;
  /** Counts links, so that answers for one that is gone are told apart. */
  #linkNumber = 0;
  /** Counts sessions: the connections of one race, of which one is used, and those that join it. */
  #session = 0;
  readonly #terms: TunnelTerms;
  readonly #address = new HeldAddress();
  #upSince = 0;

  constructor(options: ClientOptions, ports: ClientPorts, channels: ChannelContext) {
    this.#options = options;
    this.#ports = ports;
    this.#channels = channels;
    this.#search = new ServerSearch(options.servers, ports, channels.clock.now);
    this.#terms = new TunnelTerms(options);
  }

  /** When `advance()` has something to do at the earliest; Infinity if never. */
  get deadline(): number {
    return (this.#paths ?? this.#race ?? this.#search).deadline;
  }

  /** Does what is due by `now`. */
  advance(now: number): void {
    if (this.#race !== undefined) this.#advanceRace(this.#race, now);
    else (this.#paths ?? this.#search).advance(now);
  }

  /**
   * The server's name stands for these addresses, the candidates 0, 1, ..., best first.
   *
   * @param question number of the question that this answers
   */
  resolved(question: number, candidates: readonly string[], now: number): void {
    if (!this.#search.found(question)) return;
    this.#session++;
    const ports = {
      attempt: (target: Target, now: number) => this.#attempt(target, now),
      connect: (attempt: Attempt) => this.#connect(attempt),
    };
    const { classic, carriers } = this.#options;
    const targets = targetsOf(candidates, carriers);
    const time = this.#search.hasSeveral ? RACE_TIME_OF_SEVERAL : RACE_TIME;
    // A classic server takes a second request for one address for another client's.
    this.#race = new Race(targets, classic, ports, time, now);
    this.#advanceRace(this.#race, now);
  }

  /** The server's name could not be resolved; `permanent` if it does not exist at all. */
  unresolved(question: number, reason: string, permanent: boolean, now: number): void {
    this.#search.unresolved(question, reason, permanent, now);
  }

  /**
   * The machine woke up, or its network is another one: connections are asked for a sign of life, and
   * those that give none soon, or that are still to be made, are made anew at once.
   */
  networkChanged(now: number): void {
    this.#search.hurry(now);
    // A classic server answers nothing that would tell.
    if (!this.#options.classic) this.#paths?.doubt(now);
  }

  /** Gives up what there is, and begins with the first server anew. */
  reconnect(now: number): void {
    const wasUp = this.#paths !== undefined;
    this.#dropLinks();
    this.#search.restart(now);
    if (!wasUp) return;
    this.#address.lose(now);
    this.#ports.report({ type: "down", reason: "somebody asked for that", retry: 0 });
  }

  /**
   * This machine cannot be what the server of the present connection says: that one is left for the
   * next, until the machine is in another network.
   *
   * @param server whose connection is meant, which may be gone by now
   */
  unusable(server: number, reason: string, now: number): void {
    if (this.#paths === undefined || server !== this.#search.server) return;
    this.#serverFailed({ reason, final: "unusable" }, now);
  }

  /** The connection asked for is there. Returns who takes what comes over it. */
  connected(
    link: number,
    transport: StreamTransport | DatagramTransport,
    now: number,
  ): Attempt {
    const attempt = this.#attemptOf(link)!;
    const { server } = this.#search;
    const wanted = this.#options.address ?? this.#address.wanted(server, now);
    const purpose = { server, session: this.#session, wanted };
    const make = (owner: Attempt): Link =>
      makeLink(owner, transport, purpose, this.#options, this.#ports, this.#channels);
    if (this.#race === undefined) attempt.connected(make, now);
    else this.#race.connected(attempt, make, now);
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
    this.#terms.clamp(bytes, offset, length, offload);
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
    this.#search.stop();
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
    const { server } = this.#search;
    this.#race = undefined;
    this.#address.hold(address, server);
    this.#upSince = now;
    this.#terms.learn(configuration, attempt.link!.pathMtu);
    const { mtu } = this.#terms;
    this.#ports.report({ type: "up", server, address, configuration, candidate, carrier, mtu });
    this.#paths = this.#newPaths(attempt, now);
  }

  /** @see {AttemptOwner} */
  attemptConfigured(attempt: Attempt, configuration: Configuration): void {
    this.#change(attempt, configuration, "server");
  }

  /** @see {AttemptOwner} */
  attemptResized(attempt: Attempt): void {
    // What the server told last may have come by the other path alone.
    this.#change(attempt, this.#terms.configuration!, "path");
  }

  /** @see {AttemptOwner} */
  attemptLost(attempt: Attempt, loss: LinkLoss, now: number): void {
    this.#race?.lost(attempt, loss, now);
    if (this.#paths !== undefined) return this.#pathLost(this.#paths, attempt, loss, now);
    if (loss.again !== undefined) this.#serverFailed(failureOf(loss), now);
  }

  /** @see {AttemptOwner} */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#terms.clamp(bytes, offset, length, offload);
    this.#ports.toTun(bytes, offset, length, offload);
  }

  #change(attempt: Attempt, configuration: Configuration, cause: ChangeCause): void {
    // Each path tells it.
    if (!this.#terms.learn(configuration, attempt.link!.pathMtu)) return;
    this.#address.hold(configuration.address.address, this.#search.server);
    this.#ports.report({ type: "changed", configuration, mtu: this.#terms.mtu, cause });
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
    const { reason, again, endsSession = again === "never" } = loss;
    const { carrier } = attempt.target;
    // Its other path is not worth a move.
    const wasPath = !endsSession && paths.lost(attempt, loss, now);
    if (endsSession || paths.active === undefined) return this.#lost(failureOf(loss), now);
    this.#ports.report({ type: wasPath ? "path_down" : "path_failed", carrier, reason });
  }

  #attemptOf(link: number): Attempt | undefined {
    return (this.#race ?? this.#paths)?.attempt(link);
  }

  #advanceRace(race: Race, now: number): void {
    race.advance(now);
    if (race !== this.#race || !race.isOver) return;
    const { refused } = race;
    if (refused === undefined) return this.#serverFailed({ reason: race.describe() }, now);
    if (!this.#address.isKnown) {
      const reason = "the server refused it";
      return this.#serverFailed({ reason, final: "refused" }, now);
    }
    this.#dropLinks();
    this.#search.refused(refused, now);
  }

  #serverFailed(failure: ServerFailure, now: number): void {
    this.#dropLinks();
    this.#search.failed(failure, now);
  }

  /** The connection that was up is gone. */
  #lost(failure: ServerFailure, now: number): void {
    this.#address.lose(now);
    this.#dropLinks();
    this.#search.lost(failure, now - this.#upSince >= BACKOFF_RESET, now);
  }

  /** The secure link of this number, if there is one still. */
  #secure(number: number): SecureLink | undefined {
    const link = this.#attemptOf(number)?.link;
    return link instanceof SecureLink ? link : undefined;
  }

  #dropLinks(): void {
    this.#race?.close();
    this.#paths?.close();
    this.#race = this.#paths = undefined;
  }
}

function failureOf({ reason, again }: LinkLoss): ServerFailure {
  return {
    reason,
    isLate: again === "later",
    ...again === "never" ? { final: "rejected" } : {},
  };
}
