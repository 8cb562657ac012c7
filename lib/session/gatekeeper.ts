import type { Prefix } from "../address/prefix.ts";
import { fromBase64, toBase64 } from "../config/base64.ts";
import { TOKEN_LENGTH, tokenSecrets } from "../config/invite.ts";
import type { OpenInvite, Peer, Registry } from "../config/registry.ts";
import { CloseReason } from "../protocol/control.ts";
import {
  type Carrier,
  PROLOGUES,
  readInitiation,
  rekeyPrologue,
  writeResponse,
} from "../protocol/hello.ts";
import { type Handshake, HandshakeError, NO_PSK, Responder } from "../protocol/noise.ts";
import { type KeyPair, keyPairOf } from "../protocol/x25519.ts";
import type { Announcements } from "./announcements.ts";

/** What a connection's client is told, and may use from then on. */
export interface Admission {
  /** The peer's public key in base64. */
  identity: string;
  /** The session that the connection is of, among the client's. */
  session: string;
  name: string;
  address: number;
  /** Networks behind the peer that are in force. */
  routes: readonly Prefix[];
  /** Networks behind other peers, which it reaches. */
  beyond: readonly Prefix[];
  isolated: boolean;
}

/** The server's part of a handshake. */
export interface Answer {
  /** The handshake's second message. */
  message: Uint8Array;
  handshake: Handshake;
  /** What the client can take, as bits of Capability. */
  capabilities: number;
}

export type Verdict = { admit: Admission } | { refuse: CloseReason };

/** Of which connection a verdict is. */
export interface Judgement {
  connection: number;
  verdict: Verdict;
}

/** The latest timestamp by whom it was from. */
export interface Timestamps {
  get(from: string): number | undefined;
  set(from: string, timestamp: number): void;
}

/** What a gatekeeper needs of the world around it. */
export interface GatekeeperPorts {
  /** The registry as it is now. */
  registry(): Registry;
  /**
   * Makes a change to the registry that lasts; `change` is given what is there when it happens.
   * Returns whether that could be done.
   */
  update(change: (registry: Registry) => Registry): boolean;
  /** An address for a new peer, one that is in no registry; undefined if there is none. */
  freeAddress(registry: Registry): number | undefined;
  /** Whether a peer can have this address at all. */
  isUsable(address: number): boolean;
  /** The latest timestamp of each peer, by its public key; kept across restarts. */
  timestamps: Timestamps;
  /** What peers announce to be behind them. */
  announcements: Announcements;
  /** What this end can take, as bits of Capability. */
  capabilities: number;
  /** 32 random bytes. */
  randomKey(): Uint8Array;
  /** Milliseconds since 1970. */
  wallClock(): number;
}

/** A connection whose handshake was answered. */
interface Guest {
  readonly publicKey: string;
  readonly invite: OpenInvite | undefined;
  /** The address that the client asked for. */
  readonly wanted: number | undefined;
  /** Hash of the latest handshake, to which the next one is bound. */
  hash: Uint8Array;
  readonly capabilities: number;
  readonly session: string;
  /** What was said of it last, as text; undefined before it was admitted. */
  verdict: string | undefined;
}

/**
 * Decides who may connect to a server, by handshakes and the registry. It has the private key and
 * does the costly arithmetic, away from the thread that moves packets. To whoever is not in the
 * registry, or repeats what somebody else said, it has no answer at all.
 */
export class Gatekeeper {
  readonly #identity: KeyPair;
  readonly #ports: GatekeeperPorts;
  /** By the connection's number. */
  readonly #guests = new Map<number, Guest>();
  /** The latest timestamp of each invite that was shown, by its token. */
  readonly #inviteTimestamps = new Map<string, number>();

  constructor(identity: KeyPair, ports: GatekeeperPorts) {
    this.#identity = identity;
    this.#ports = ports;
  }

  /** Answers the first message of a connection's handshake; undefined if it deserves no answer. */
  hello(connection: number, message: Uint8Array, carrier: Carrier): Answer | undefined {
    try {
      return this.#hello(connection, message, carrier);
    } catch (error) {
      if (error instanceof HandshakeError || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** The client proved that it has the keys: says whether it may stay, and enrolls who is new. */
  confirmed(connection: number): Verdict {
    const guest = this.#guests.get(connection);
    if (guest === undefined) return { refuse: CloseReason.ProtocolViolation };
    const refusal = this.#enroll(guest);
    if (refusal !== undefined) return { refuse: refusal };
    return this.#judge(guest);
  }

  /** Answers the first message of a handshake for new keys; undefined if it deserves no answer. */
  rekey(connection: number, message: Uint8Array): Answer | undefined {
    const guest = this.#guests.get(connection);
    if (guest === undefined || !this.#mayStay(guest)) return undefined;
    try {
      const responder = new Responder(this.#identity, rekeyPrologue(guest.hash));
      const { remoteStatic } = responder.readInitiation(message);
      if (toBase64(remoteStatic) !== guest.publicKey) return undefined;
      return this.#answer(guest, responder, new Uint8Array(0), NO_PSK);
    } catch (error) {
      if (error instanceof HandshakeError) return undefined;
      throw error;
    }
  }

  /**
   * A client that proved who it is announces the networks behind it. Returns of which connections that
   * says something else than before.
   */
  announced(connection: number, networks: readonly Prefix[]): Judgement[] {
    const guest = this.#guests.get(connection);
    if (guest === undefined || !this.#mayStay(guest)) return [];
    const { announcements, wallClock } = this.#ports;
    const isNew = announcements.set(guest.publicKey, networks, wallClock());
    if (isNew !== "refused") return isNew ? this.reconsider() : [];
    return [{ connection, verdict: { refuse: CloseReason.ProtocolViolation } }];
  }

  /** The connection is gone. */
  closed(connection: number): void {
    this.#guests.delete(connection);
  }

  /** Of which connections the registry, which has changed, says something else now. */
  reconsider(): Judgement[] {
    return [...this.#guests].flatMap(([connection, guest]) => {
      const before = guest.verdict;
      if (before === undefined) return [];
      const verdict = this.#judge(guest);
      return guest.verdict === before ? [] : [{ connection, verdict }];
    });
  }

  #hello(connection: number, message: Uint8Array, carrier: Carrier): Answer | undefined {
    const responder = new Responder(this.#identity, PROLOGUES[carrier]);
    const { remoteStatic, payload } = responder.readInitiation(message);
    const publicKey = toBase64(remoteStatic);
    const initiation = readInitiation(payload);
    const registry = this.#ports.registry();
    const invite = initiation.invite && registry.inviteById(initiation.invite);
    if (initiation.invite ? !invite : !registry.peerByKey(publicKey)) return undefined;
    if (!this.#isNew(publicKey, invite, initiation.timestamp)) return undefined;
    const guest: Guest = {
      publicKey,
      invite,
      wanted: initiation.address,
      hash: NO_PSK,
      capabilities: initiation.capabilities,
      // One that has no name is no other connection's.
      session: initiation.session ? toBase64(initiation.session) : `${connection}`,
      verdict: undefined,
    };
    this.#guests.set(connection, guest);
    const psk = invite ? tokenSecrets(fromBase64(invite.token, TOKEN_LENGTH)).psk : NO_PSK;
    const { capabilities } = this.#ports;
    return this.#answer(guest, responder, writeResponse({ capabilities }), psk);
  }

  #answer(guest: Guest, responder: Responder, payload: Uint8Array, psk: Uint8Array): Answer {
    const secret = this.#ports.randomKey();
    const ephemeral = keyPairOf(secret);
    secret.fill(0);
    const answer = responder.writeResponse(payload, psk, ephemeral);
    guest.hash = answer.handshake.hash;
    return { ...answer, capabilities: guest.capabilities };
  }

  /**
   * Whether a timestamp is later than any before: of the peer, or of the invite, which is for one
   * client alone. A copy of an old first message has none.
   */
  #isNew(publicKey: string, invite: OpenInvite | undefined, timestamp: number): boolean {
    const timestamps: Timestamps = invite ? this.#inviteTimestamps : this.#ports.timestamps;
    const key = invite ? invite.token : publicKey;
    if (timestamp <= (timestamps.get(key) ?? -1)) return false;
    timestamps.set(key, timestamp);
    return true;
  }

  /** Turns an invite into a peer. Returns why that cannot be, if so. */
  #enroll({ publicKey, invite, wanted }: Guest): CloseReason | undefined {
    // Somebody whose first enrollment got lost on the way comes with the same invite and key again.
    if (invite === undefined || this.#ports.registry().peerByKey(publicKey)) return undefined;
    let refusal: CloseReason | undefined;
    const done = this.#ports.update((registry) => {
      const current = registry.invites.find(({ token }) => token === invite.token);
      refusal = this.#refuseInvite(current);
      if (refusal !== undefined) return registry;
      const enrolled = registry.enroll(current!, publicKey, this.#ports.wallClock());
      const isFree = wanted !== undefined && current!.address === undefined &&
        this.#ports.isUsable(wanted) && !registry.reservedAddresses().includes(wanted);
      return isFree ? enrolled.changePeer(current!.name, { address: wanted }) : enrolled;
    });
    // The client comes again when that may have been mended.
    return done ? refusal : CloseReason.Stopping;
  }

  #refuseInvite(invite: OpenInvite | undefined): CloseReason | undefined {
    if (invite === undefined || invite.state === "revoked") return CloseReason.InviteRevoked;
    if (invite.state === "used") return CloseReason.InviteUsed;
    return this.#ports.wallClock() >= invite.expires ? CloseReason.InviteExpired : undefined;
  }

  #judge(guest: Guest): Verdict {
    const verdict = this.#decide(guest);
    guest.verdict = JSON.stringify(verdict);
    return verdict;
  }

  #decide(guest: Guest): Verdict {
    const registry = this.#ports.announcements.inForce(this.#ports.registry());
    const peer = registry.peerByKey(guest.publicKey);
    if (peer === undefined) return { refuse: CloseReason.Removed };
    if (!peer.enabled) return { refuse: CloseReason.Disabled };
    const address = this.#addressOf(peer);
    if (address === undefined) return { refuse: CloseReason.NoAddress };
    if (!this.#ports.isUsable(address) || (guest.wanted ?? address) !== address) {
      return { refuse: CloseReason.AddressRefused };
    }
    const { publicKey: identity, name, routes, isolated } = peer;
    const { session } = guest;
    const beyond = registry.networksBeyond(peer);
    return { admit: { identity, session, name, address, routes, beyond, isolated } };
  }

  /** The peer's address; one without gets one for good. */
  #addressOf(peer: Peer): number | undefined {
    if (peer.address !== undefined) return peer.address;
    this.#ports.update((registry) => {
      const address = this.#ports.freeAddress(registry);
      const current = registry.peerByKey(peer.publicKey);
      if (address === undefined || current === undefined) return registry;
      return registry.changePeer(current.name, { address });
    });
    return this.#ports.registry().peerByKey(peer.publicKey)?.address;
  }

  #mayStay({ publicKey }: Guest): boolean {
    return this.#ports.registry().peerByKey(publicKey)?.enabled === true;
  }
}
