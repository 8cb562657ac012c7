import type { IpAddress } from "../address/ip_address.ts";
import type { Prefix } from "../address/prefix.ts";
import {
  addressesBeside,
  carriedPrefixes,
  type TunnelNetworks,
} from "../address/tunnel_networks.ts";
import { CloseReason } from "../protocol/control.ts";
import type { RoutingTable } from "../routing/table.ts";
import { ClassicPeer } from "./classic_peer.ts";
import type { Admission } from "./gatekeeper.ts";
import { PeerSession, type PeerSessionOwner } from "./peer_session.ts";
import type { PeerReport } from "./report.ts";
import type { Member } from "./router.ts";
import type { SecurePeer } from "./secure_peer.ts";

/** What the sessions tell their server. */
export interface PeerSessionsOwner extends PeerSessionOwner {
  /** A client is there, or has another address or name than before. */
  joined(session: PeerSession): void;
  /** A network behind a client is another client's already. */
  overlaps(session: PeerSession, prefix: Prefix): void;
}

/** The sessions of a server's secure clients, one of each, and what of the routing table is theirs. */
export class PeerSessions {
  readonly #owner: PeerSessionsOwner;
  readonly #networks: TunnelNetworks;
  readonly #table: RoutingTable<Member>;
  /** By the client's identity. */
  readonly #sessions = new Map<string, PeerSession>();

  constructor(owner: PeerSessionsOwner, networks: TunnelNetworks, table: RoutingTable<Member>) {
    this.#owner = owner;
    this.#networks = networks;
    this.#table = table;
  }

  /**
   * Lets a connection into the session that it is of, and gives the client what it was admitted with in
   * place of what it had before. Another session of the same client ends.
   */
  admit(peer: SecurePeer, admission: Admission): PeerSession {
    const { identity } = admission;
    const other = this.#sessions.get(identity);
    const isSame = other?.admission.session === admission.session;
    if (!isSame) other?.expel(CloseReason.Replaced);
    const session = isSame ? other! : new PeerSession(this.#owner, admission);
    this.#sessions.set(identity, session);
    const before = isSame ? session.admission : undefined;
    session.admission = admission;
    session.add(peer);
    if (ownOf(before) !== ownOf(admission)) this.#rebind(session, before);
    return session;
  }

  /** A session has no connection any more. */
  remove(session: PeerSession): void {
    const { admission } = session;
    this.#unbind(session, admission);
    if (this.#sessions.get(admission.identity) === session) {
      this.#sessions.delete(admission.identity);
    }
    this.#claimAll();
  }

  /** Ends all sessions, and tells the clients why. */
  expel(reason: CloseReason): void {
    for (const session of [...this.#sessions.values()]) session.expel(reason);
  }

  /** How all sessions fare, for a person. */
  report(now: number): PeerReport[] {
    return [...this.#sessions.values()].map((session) => session.report(now));
  }

  #rebind(session: PeerSession, before: Admission | undefined): void {
    const { admission } = session;
    if (before !== undefined) this.#unbind(session, before);
    for (const own of addressesBeside(admission.address, this.#networks)) {
      this.#bind(own, session);
    }
    this.#claimAll();
    for (const prefix of this.#routesOf(admission)) {
      if (this.#table.prefixOwner(prefix) !== session) this.#owner.overlaps(session, prefix);
    }
    if (before?.address === admission.address && before.name === admission.name) return;
    this.#owner.joined(session);
  }

  /**
   * Gives a client an address, whoever has it: the registry says whose it is, and another's connection
   * may be about to be told so, or have it as a network of one address.
   */
  #bind(address: IpAddress, session: PeerSession): void {
    const holder = this.#table.holderOf(address);
    if (holder instanceof ClassicPeer) holder.close("its address belongs to a secure client");
    else if (holder !== undefined) this.#table.delete(address);
    this.#table.add(address, session);
  }

  /** Gives clients those networks behind them that nobody else has. */
  #claimAll(): void {
    for (const session of this.#sessions.values()) {
      for (const prefix of this.#routesOf(session.admission)) {
        if (this.#table.prefixOwner(prefix) === undefined) this.#table.addPrefix(prefix, session);
      }
    }
  }

  /** Networks behind a client that it is sent packets for. */
  #routesOf({ routes }: Admission): Prefix[] {
    return carriedPrefixes(routes, this.#networks);
  }

  #unbind(session: PeerSession, admission: Admission): void {
    for (const own of addressesBeside(admission.address, this.#networks)) {
      if (this.#table.holderOf(own) === session) this.#table.delete(own);
    }
    for (const prefix of this.#routesOf(admission)) {
      if (this.#table.prefixOwner(prefix) === session) this.#table.deletePrefix(prefix);
    }
  }
}

/** What of an admission is the client's own, as text. */
function ownOf(admission: Admission | undefined): string {
  return JSON.stringify({ ...admission, beyond: [] });
}
