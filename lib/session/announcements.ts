import { isPartOf, type Prefix } from "../address/prefix.ts";
import type { Peer, Registry } from "../config/registry.ts";
import { ANNOUNCEMENT_CHANGES, ANNOUNCEMENT_WINDOW } from "./limits.ts";

/** Networks that a peer announces and may not have. */
export interface Unallowed {
  peer: Peer;
  networks: Prefix[];
}

/** What a peer said last. */
interface Announced {
  networks: readonly Prefix[];
  /** How often that became something else since `since`, in milliseconds since 1970. */
  changes: number;
  since: number;
  /** The networks, as text, of which was told that they are not allowed. */
  told: string;
}

/**
 * What the peers of a server announce to be behind them. What the registry allows is in force, or of it
 * what the peer announces if it announces anything. A peer's last word counts while it is away, so that
 * nothing changes for others when it connects anew.
 */
export class Announcements {
  /** By the peer's public key. */
  readonly #announced = new Map<string, Announced>();
  /** The last answer of `inForce()`, and for which registry. */
  #last: { registry: Registry; inForce: Registry } | undefined;

  /**
   * A peer announces these networks, in place of what it announced before.
   *
   * @param now milliseconds since 1970
   * @returns whether that is anything new; "refused" if there is something new all the time, which
   * others would have to follow
   */
  set(publicKey: string, networks: readonly Prefix[], now: number): boolean | "refused" {
    const known = this.#announced.get(publicKey) ??
      { networks: [], changes: 0, since: now, told: "" };
    if (String(networks) === String(known.networks)) return false;
    // The wall clock may be set back.
    const isRecent = Math.abs(now - known.since) < ANNOUNCEMENT_WINDOW;
    if (isRecent && known.changes >= ANNOUNCEMENT_CHANGES) return "refused";
    const count = isRecent
      ? { changes: known.changes + 1, since: known.since }
      : { changes: 1, since: now };
    this.#announced.set(publicKey, { ...known, ...count, networks });
    this.#last = undefined;
    return true;
  }

  /** Networks that a peer announces. */
  of(publicKey: string): readonly Prefix[] {
    return this.#announced.get(publicKey)?.networks ?? [];
  }

  /** Forgets all peers but these. */
  keep(known: ReadonlySet<string>): void {
    for (const key of this.#announced.keys()) if (!known.has(key)) this.#announced.delete(key);
  }

  /** The peers of a registry with the networks that are in force, in place of those that are allowed. */
  inForce(registry: Registry): Registry {
    if (this.#last?.registry === registry) return this.#last.inForce;
    const inForce = registry.withRoutes(({ publicKey, routes }) =>
      networksInForce(routes, this.of(publicKey))
    );
    this.#last = { registry, inForce };
    return inForce;
  }

  /** What is announced and not allowed: of each peer once, and again when that is something else. */
  untold(registry: Registry): Unallowed[] {
    return [...this.#announced].flatMap(([publicKey, announced]) => {
      const peer = registry.peerByKey(publicKey);
      if (peer === undefined) return [];
      const networks = networksNotAllowed(peer.routes, announced.networks);
      const text = networks.join(" ");
      if (text === announced.told) return [];
      announced.told = text;
      return text === "" ? [] : [{ peer, networks }];
    });
  }
}

/** Of the networks that a peer may have those that it announces; all of them if it announces none. */
export function networksInForce(
  allowed: readonly Prefix[],
  announced: readonly Prefix[],
): readonly Prefix[] {
  if (announced.length === 0) return allowed;
  return announced.filter((network) => isAllowed(network, allowed));
}

/** Of the networks that a peer announces those that it may not have. */
export function networksNotAllowed(
  allowed: readonly Prefix[],
  announced: readonly Prefix[],
): Prefix[] {
  return announced.filter((network) => !isAllowed(network, allowed));
}

/**
 * The command that allows a peer more networks than it may have, which a new list replaces.
 *
 * @param state the server's state folder, if it is not the default
 */
export function allowCommand(
  name: string,
  allowed: readonly (Prefix | string)[],
  more: readonly (Prefix | string)[],
  state?: string,
): string {
  const options = [...allowed, ...more].map((network) => ` --route ${network}`);
  const folder = state === undefined ? "" : ` --state ${state}`;
  return `simplevpn-server peers set ${name}${options.join("")}${folder}`;
}

function isAllowed(network: Prefix, allowed: readonly Prefix[]): boolean {
  return allowed.some((whole) => isPartOf(network, whole));
}
