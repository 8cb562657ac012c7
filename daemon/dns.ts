import { effectiveUser } from "../ffi/ownership.ts";
import { formatAddress } from "../lib/address/ip_address.ts";
import type { DnsSettings } from "../lib/config/dns.ts";
import { DnsNoteFile } from "./dns_note.ts";
import { describeRefusal } from "./dns_remedy.ts";
import {
  clearResolvconf,
  clearResolved,
  type DnsWay,
  findResolvconf,
  hasResolved,
  type Resolvconf,
  resolvconfEntry,
  setResolvconf,
  setResolved,
} from "./dns_ways.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { RESOLV_CONF, ResolvConfFile } from "./resolv_conf_file.ts";

/** How DNS servers are set. */
type Way = { type: "resolved" } | { type: "resolvconf"; kind: Resolvconf } | { type: "file" };

const WAY_NAMES: Readonly<Record<DnsWay, string>> = {
  resolved: "systemd-resolved",
  resolvconf: "resolvconf",
  file: RESOLV_CONF,
};

/** Nothing to ask. */
export const NO_DNS: DnsSettings = { servers: [], domains: [], all: false };

/**
 * The DNS of this machine while a client is in its tunnel. By systemd-resolved where that is asked, by
 * resolvconf(8) where there is one, else by resolv.conf itself. What cannot be set is told, and the tunnel
 * goes on without.
 */
export class Dns {
  readonly #link: string;
  readonly #note: DnsNoteFile;
  readonly #file: ResolvConfFile;
  #present = JSON.stringify(NO_DNS);
  /** By which way it is set, if it is. */
  #way: Way | undefined;
  /** The end of all that was asked for: one thing after the other. */
  #last: Promise<void> = Promise.resolve();

  /**
   * @param link the TUN device
   * @param folder the client's state folder
   */
  constructor(link: string, folder: string) {
    this.#link = link;
    this.#note = new DnsNoteFile(folder);
    this.#file = new ResolvConfFile(this.#note);
    // For an end that waits for nothing.
    globalThis.addEventListener("unload", this);
  }

  /** Makes it so, where it is not yet; resolves when that is done, or told why it cannot be. */
  set(settings: DnsSettings): Promise<void> {
    const { servers, domains, all } = settings;
    const wanted = JSON.stringify({ servers, domains, all });
    if (wanted === this.#present) return this.#last;
    this.#present = wanted;
    const isNone = servers.length === 0 && domains.length === 0;
    const [work, what] = isNone ? [() => this.#clear(), "put this machine's DNS back"] as const : [
      () => this.#set(settings),
      "set this machine's DNS, so names in the tunnel may not be found",
    ] as const;
    return this.#last = this.#last.then(work).catch((error: Error) => {
      log.warn("Cannot {what}: {reason}", { what, reason: error.message });
      // The next connection tries again.
      if (!isNone) this.#present = "";
    });
  }

  /** Puts everything back. */
  async clear(): Promise<void> {
    await this.set(NO_DNS);
    globalThis.removeEventListener("unload", this);
  }

  /** The program ends at once, without `clear()`. */
  handleEvent(): void {
    if (this.#way?.type !== "file") return;
    try {
      putFileBack(this.#file);
    } catch (error) {
      log.error("Cannot put {path} back: {reason}: the next start does", {
        path: RESOLV_CONF,
        reason: (error as Error).message,
      });
    }
  }

  async #set(settings: DnsSettings): Promise<void> {
    const before = this.#way;
    const way = this.#way ??= await findWay();
    try {
      await this.#apply(way, settings);
    } catch (error) {
      // What was not done is not to be undone, and by the next time there may be another way.
      this.#way = before;
      throw new Error(await describeRefusal(error as Error, way.type) ?? (error as Error).message);
    }
    log.info("DNS: {servers} for {names}, by {way}", {
      servers: settings.servers.map(formatAddress).join(", ") || "no server",
      names: settings.all ? "all names" : settings.domains.join(", "),
      way: WAY_NAMES[way.type],
    });
  }

  async #apply(way: Way, settings: DnsSettings): Promise<void> {
    switch (way.type) {
      case "resolved":
        return await setResolved(this.#link, settings);
      case "resolvconf":
        return await this.#applyResolvconf(way.kind, settings);
      case "file": {
        const { servers, domains, all } = settings;
        return this.#file.set({ nameservers: servers.map(formatAddress), search: domains, all });
      }
    }
  }

  async #applyResolvconf(kind: Resolvconf, settings: DnsSettings): Promise<void> {
    const entry = resolvconfEntry(this.#link);
    const isFirst = this.#note.read() === undefined;
    this.#note.write({ way: "resolvconf", entry });
    try {
      await setResolvconf(kind, entry, settings);
    } catch (error) {
      // From root's program it may have taken a part of it; others it let do nothing, nor undo it.
      if (isFirst && effectiveUser() !== 0) this.#note.remove();
      throw error;
    }
  }

  async #clear(): Promise<void> {
    const way = this.#way;
    this.#way = undefined;
    if (way?.type === "resolved") await clearResolved(this.#link);
    else await putBack(this.#note, this.#file);
  }
}

/**
 * Puts back what a client that was killed changed. To be called by whoever holds the lock of its folder.
 *
 * @param folder its state folder
 * @returns whether there was anything to put back, and it could be
 * @throws {Failure} if what it noted there cannot be read
 */
export async function restoreDns(folder: string): Promise<boolean> {
  const note = new DnsNoteFile(folder);
  try {
    return await putBack(note, new ResolvConfFile(note));
  } catch (error) {
    if (error instanceof Failure) throw error;
    log.error("Cannot put this machine's DNS back: {reason}: {path} tells what it was", {
      reason: (error as Error).message,
      path: note.path,
    });
    return false;
  }
}

async function findWay(): Promise<Way> {
  if (await hasResolved()) return { type: "resolved" };
  const kind = await findResolvconf();
  return kind === undefined ? { type: "file" } : { type: "resolvconf", kind };
}

/** Returns whether there was anything to put back. */
async function putBack(noteFile: DnsNoteFile, file: ResolvConfFile): Promise<boolean> {
  const note = noteFile.read();
  if (note === undefined) return false;
  if (note.way === "file") {
    putFileBack(file);
    return true;
  }
  await clearResolvconf(note.entry);
  noteFile.remove();
  log.info("The DNS is as it was: resolvconf has no {entry} any more", { entry: note.entry });
  return true;
}

function putFileBack(file: ResolvConfFile): void {
  const isAsBefore = file.restore();
  if (isAsBefore === undefined) return;
  if (isAsBefore) log.info("{path} is as it was", { path: RESOLV_CONF });
  else log.warn("{path} is left alone: somebody else changed it since", { path: RESOLV_CONF });
}
