/**
 * Who may connect to a server: enrolled peers, and invites for those to come, with every change that
 * can be made to them.
 */
import { formatIpv4 } from "../address/ipv4_address.ts";
import type { Prefix } from "../address/prefix.ts";
import { MAX_LIST, NAME_PATTERN } from "../protocol/control.ts";
import { fromBase64 } from "./base64.ts";
import { TOKEN_LENGTH, tokenSecrets } from "./invite.ts";

/** Somebody who may connect. Times are milliseconds since 1970. */
export interface Peer {
  readonly name: string;
  /** Base64, the peer's identity. */
  readonly publicKey: string;
  /** Its inner address; given at its first connection if undefined. */
  readonly address: number | undefined;
  /** Networks behind it, which it may send from and is sent packets for. */
  readonly routes: readonly Prefix[];
  /** A disabled peer is refused, and told so. */
  readonly enabled: boolean;
  /** An isolated peer reaches the server's side only, not other peers. */
  readonly isolated: boolean;
  readonly created: number;
}

export type InviteState = "open" | "used" | "revoked";

/** A way in for somebody whose key is not known yet. */
export interface OpenInvite {
  /** The name under which its user is enrolled. */
  readonly name: string;
  /** Base64; secret. */
  readonly token: string;
  readonly address: number | undefined;
  readonly routes: readonly Prefix[];
  readonly created: number;
  readonly expires: number;
  /** Those used or revoked are kept, so that who comes with one can be told. */
  readonly state: InviteState;
  /** Public key of the peer that used it. */
  readonly usedBy: string | undefined;
}

/** Used, revoked and expired invites are forgotten so long after their end: 90 days. */
const INVITE_MEMORY = 90 * 86_400_000;

/** A change that cannot be made; the message is one sentence for the person. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
}

/** An immutable state of the registry; each change gives another. */
export class Registry {
  readonly peers: readonly Peer[];
  readonly invites: readonly OpenInvite[];
  readonly #byKey: ReadonlyMap<string, Peer>;
  /** By the hexadecimal form of their identifiers. */
  readonly #byInviteId: ReadonlyMap<string, OpenInvite>;
  /** Networks behind peers that other peers may reach, and behind whom. */
  readonly #shared: readonly { network: Prefix; peer: Peer }[];

  constructor(peers: readonly Peer[] = [], invites: readonly OpenInvite[] = []) {
    this.peers = peers;
    this.invites = invites;
    this.#byKey = new Map(peers.map((peer) => [peer.publicKey, peer]));
    this.#byInviteId = new Map(invites.map((invite) => [inviteId(invite), invite]));
    this.#shared = peers.filter(({ enabled, isolated }) => enabled && !isolated)
      .flatMap((peer) => peer.routes.map((network) => ({ network, peer })));
  }

  peerByKey(publicKey: string): Peer | undefined {
    return this.#byKey.get(publicKey);
  }

  peerByName(name: string): Peer | undefined {
    return this.peers.find((peer) => peer.name === name);
  }

  /** @param id as it stands in an initiation */
  inviteById(id: Uint8Array): OpenInvite | undefined {
    return this.#byInviteId.get(hex(id));
  }

  /** Addresses that belong to peers or are promised in open invites. */
  reservedAddresses(): number[] {
    const open = this.invites.filter(({ state }) => state === "open");
    return [...this.peers, ...open].flatMap(({ address }) => address ?? []);
  }

  /** How many networks there are behind peers that other peers may reach. */
  get sharedNetworks(): number {
    return this.#shared.length;
  }

  /** Networks behind other peers that a peer reaches: each once, and as many as it can be told of. */
  networksBeyond({ publicKey, routes, isolated }: Peer): Prefix[] {
    if (isolated) return [];
    const own = routes.map(String);
    const others = this.#shared
      .filter(({ network, peer }) => peer.publicKey !== publicKey && !own.includes(`${network}`));
    const networks = new Map(others.map(({ network }) => [`${network}`, network]));
    return [...networks.values()].slice(0, MAX_LIST);
  }

  /** The peers alone, with other networks behind them than those that are allowed. */
  withRoutes(routesOf: (peer: Peer) => readonly Prefix[]): Registry {
    return new Registry(this.peers.map((peer) => ({ ...peer, routes: routesOf(peer) })));
  }

  /** @throws {RegistryError} if the name, key or address is taken */
  addPeer(peer: Peer): Registry {
    this.#checkName(peer.name);
    this.#checkAddress(peer.address);
    const known = this.peerByKey(peer.publicKey);
    if (known) throw new RegistryError(`The key is that of the peer "${known.name}" already`);
    return new Registry([...this.peers, peer], this.invites);
  }

  /** @throws {RegistryError} if there is no such peer */
  removePeer(name: string): Registry {
    const peer = this.#existing(name);
    return new Registry(this.peers.filter((other) => other !== peer), this.invites);
  }

  /** Changes some of what is known of a peer. @throws {RegistryError} if that cannot be */
  changePeer(name: string, change: Partial<Omit<Peer, "publicKey" | "created">>): Registry {
    const peer = this.#existing(name);
    if (change.name !== undefined && change.name !== name) this.#checkName(change.name);
    if (change.address !== undefined && change.address !== peer.address) {
      this.#checkAddress(change.address);
    }
    const changed = { ...peer, ...change };
    return new Registry(
      this.peers.map((other) => other === peer ? changed : other),
      this.invites,
    );
  }

  /** @throws {RegistryError} if the name or address is taken */
  addInvite(invite: OpenInvite): Registry {
    this.#checkName(invite.name);
    this.#checkAddress(invite.address);
    return new Registry(this.peers, [...this.invites, invite]);
  }

  /** @throws {RegistryError} if no open invite has that name */
  revokeInvite(name: string): Registry {
    const invite = this.invites.find((invite) => invite.name === name && invite.state === "open");
    if (!invite) throw new RegistryError(`There is no open invite for "${name}"`);
    return this.#replaceInvite(invite, { ...invite, state: "revoked" });
  }

  /** Enrolls a key by an open invite of this registry, which is used up by that. */
  enroll(invite: OpenInvite, publicKey: string, now: number): Registry {
    const peer: Peer = {
      name: invite.name,
      publicKey,
      address: invite.address,
      routes: invite.routes,
      enabled: true,
      isolated: false,
      created: now,
    };
    return this.#replaceInvite(invite, { ...invite, state: "used", usedBy: publicKey })
      .addPeer(peer);
  }

  /** Without invites that ended long ago. */
  withoutOldInvites(now: number): Registry {
    const recent = this.invites.filter(({ expires }) => now < expires + INVITE_MEMORY);
    return new Registry(this.peers, recent);
  }

  #replaceInvite(invite: OpenInvite, by: OpenInvite): Registry {
    return new Registry(
      this.peers,
      this.invites.map((other) => other === invite ? by : other),
    );
  }

  #existing(name: string): Peer {
    const peer = this.peerByName(name);
    if (peer) return peer;
    if (this.#hasOpenInvite(name)) {
      throw new RegistryError(
        `"${name}" has an open invite, and is no peer before it is used ("invite ${name} --revoke" takes it back)`,
      );
    }
    throw new RegistryError(`There is no peer "${name}" ("peers list" shows all)`);
  }

  #hasOpenInvite(name: string): boolean {
    return this.invites.some((invite) => invite.name === name && invite.state === "open");
  }

  #checkName(name: string): void {
    if (!NAME_PATTERN.test(name)) {
      throw new RegistryError(
        `"${name}" is no name: 1 to 64 letters, digits and any of ._- after the first`,
      );
    }
    if (this.peerByName(name)) throw new RegistryError(`There is a peer "${name}" already`);
    if (this.#hasOpenInvite(name)) {
      throw new RegistryError(
        `There is an open invite for "${name}" already ("invite ${name} --revoke" takes it back)`,
      );
    }
  }

  #checkAddress(address: number | undefined): void {
    if (address !== undefined && this.reservedAddresses().includes(address)) {
      throw new RegistryError(`The address ${formatIpv4(address)} is another peer's already`);
    }
  }
}

function inviteId({ token }: OpenInvite): string {
  return hex(tokenSecrets(fromBase64(token, TOKEN_LENGTH)).id);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
