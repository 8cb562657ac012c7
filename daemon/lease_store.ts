import { formatIpv4, parseIpv4 } from "../lib/address/ipv4_address.ts";
import { type Lease, Leases } from "../lib/address/leases.ts";
import type { Pool } from "../lib/address/pool.ts";
import { MAX_LEASES } from "../lib/session/limits.ts";
import type { ServerEvent } from "../lib/session/server.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { writeFileAtomically } from "./state_folder.ts";

/** Milliseconds from one writing of the file to the next at the least. */
const WRITE_INTERVAL = 1000;

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
  readonly #path: string;
  readonly #leases: Leases;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #changed = false;

  /** Reads the file, if there is one; one that makes no sense is set aside, and said so. */
  constructor(folder: string) {
    this.#path = `${folder}/leases.json`;
    this.#leases = new Leases(MAX_LEASES, readLeases(this.#path));
  }

  /** The leases that are in a pool's network, oldest first. */
  within(pool: Pick<Pool, "includes">): Lease[] {
    return [...this.#leases].filter(({ address }) => pool.includes(address));
  }

  /** Follows what happened; the file follows at once, or within WRITE_INTERVAL. */
  apply(event: ServerEvent): void {
    if (event.type === "joined") this.#leases.remember(event.address, event.source);
    else if (event.type === "left") this.#leases.renew(event.address);
    else return;
    this.#changed = true;
    this.#timer ??= this.#writeAndWait();
  }

  /** Writes what is not written yet. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#changed) this.#write();
  }

  #writeAndWait(): ReturnType<typeof setTimeout> {
    this.#write();
    return setTimeout(() => {
      this.#timer = this.#changed ? this.#writeAndWait() : undefined;
    }, WRITE_INTERVAL);
  }

  #write(): void {
    this.#changed = false;
    try {
      writeFileAtomically(this.#path, formatLeases(this.#leases));
    } catch (error) {
      log.error("Cannot write {path}: {reason}: leases would not survive a restart", {
        path: this.#path,
        reason: (error as Error).message,
      });
    }
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
  const file: Partial<LeaseFile> | null = JSON.parse(text);
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

function readLeases(path: string): Lease[] {
  try {
    return parseLeases(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (!(error instanceof SyntaxError)) {
      throw new Failure(`Cannot read ${path}: ${(error as Error).message}`);
    }
    const aside = `${path}.damaged`;
    Deno.renameSync(path, aside);
    log.error("{path} is damaged ({reason}): starting without leases, kept it as {aside}", {
      path,
      reason: error.message,
      aside,
    });
    return [];
  }
}
