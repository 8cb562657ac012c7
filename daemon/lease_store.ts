import { parseJson } from "../lib/config/parse_json.ts";
import { formatIpv4, parseIpv4 } from "../lib/address/ipv4_address.ts";
import { type Lease, Leases } from "../lib/address/leases.ts";
import type { Pool } from "../lib/address/pool.ts";
import { MAX_LEASES } from "../lib/session/limits.ts";
import type { ServerEvent } from "../lib/session/server_event.ts";
import { DeferredFile, readStateFile } from "./state_file.ts";

interface LeaseFile {
  version: 1;
  /** Oldest first. */
  leases: { address: string; source: string }[];
}

/**
 * The leases of a server in `leases.json` of its state folder. The packet worker has its own copy;
 * this one follows the worker's events.
 */
export class LeaseStore {
  readonly #leases: Leases;
  readonly #file: DeferredFile;

  /** Reads the file, if there is one; one that makes no sense is set aside, and said so. */
  constructor(folder: string) {
    const path = `${folder}/leases.json`;
    const leases = readStateFile(path, parseLeases) ?? [];
    this.#leases = new Leases(MAX_LEASES, leases);
    this.#file = new DeferredFile(path, () => formatLeases(this.#leases));
  }

  /** The leases that are in a pool's network, oldest first. */
  within(pool: Pick<Pool, "includes">): Lease[] {
    return [...this.#leases].filter(({ address }) => pool.includes(address));
  }

  /** Follows what happened; the file follows within a second. */
  apply(event: ServerEvent): void {
    // Secure clients have their addresses in the registry.
    if (event.type === "joined" && event.grant !== "enrolled") {
      this.#leases.remember(event.address, event.source);
    } else if (event.type === "left" && event.name === undefined) this.#leases.renew(event.address);
    else return;
    this.#file.changed();
  }

  /** Writes what is not written yet. */
  close(): void {
    this.#file.close();
  }
}

/** The text of a lease file. */
export function formatLeases(leases: Iterable<Lease>): string {
  const file: LeaseFile = {
    version: 1,
    leases: [...leases].map(({ address, source }) => ({ address: formatIpv4(address), source })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Reads the text of a lease file. @throws {SyntaxError} if it is none */
export function parseLeases(text: string): Lease[] {
  const file = parseJson(text) as Partial<LeaseFile> | null;
  if (file?.version !== 1 || !Array.isArray(file.leases)) {
    throw new SyntaxError("It is no lease file of version 1");
  }
  return file.leases.map((lease: Partial<LeaseFile["leases"][number]> | null) => {
    if (typeof lease?.address !== "string" || typeof lease.source !== "string") {
      throw new SyntaxError("A lease needs an address and a source");
    }
    return { address: parseIpv4(lease.address), source: lease.source };
  });
}
