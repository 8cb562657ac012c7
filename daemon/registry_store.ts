import { Registry } from "../lib/config/registry.ts";
import { formatRegistry, parseRegistry } from "../lib/config/registry_file.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { readTextIfAny } from "./state_file.ts";
import { lockStateFile, writeFileAtomically } from "./state_folder.ts";

const FILE = "peers.json";
const LOCK = "peers.lock";

/** Milliseconds that changes which come together are waited for. */
const SETTLE_TIME = 20;

/** Milliseconds between two looks at the file where the kernel watches no more files. */
const POLL_INTERVAL = 2000;

/**
 * The registry in `peers.json` of a server's state folder. The running server and the commands that
 * change it are different programs: whoever changes it holds a lock from reading to writing, and the
 * server watches the file.
 */
export class RegistryStore {
  readonly #folder: string;
  #registry: Registry;
  /** The file's text, as far as all changes in it are known to whoever watches. */
  #text: string | undefined;
  #watcher: Deno.FsWatcher | undefined;
  #poll: ReturnType<typeof setInterval> | undefined;

  /** @throws {Failure} if the file cannot be read, or makes no sense: it is never guessed at */
  constructor(folder: string) {
    this.#folder = folder;
    this.#text = readTextIfAny(this.#path);
    this.#registry = this.#parse(this.#text);
  }

  /** The registry as it was last read or written. */
  get registry(): Registry {
    return this.#registry;
  }

  /**
   * Changes the registry, together with its file.
   *
   * @param change is given the registry as it is in the file; what it throws leaves all as it was
   * @throws {Failure} if the file makes no sense
   */
  update(change: (registry: Registry) => Registry): Registry {
    using _lock = lockStateFile(`${this.#folder}/${LOCK}`, { wait: true });
    const present = readTextIfAny(this.#path);
    const before = this.#parse(present);
    const changed = change(before);
    if (changed === before) return this.#registry = before;
    const after = changed.withoutOldInvites(Date.now());
    const text = formatRegistry(after);
    writeFileAtomically(this.#path, text);
    // What another program changed meanwhile is still to be told of, by whoever watches the file.
    if (present === this.#text) this.#text = text;
    return this.#registry = after;
  }

  /** Calls `changed` whenever another program changed the file, until `close()`. */
  async watch(changed: () => void): Promise<void> {
    try {
      this.#watcher = Deno.watchFs(this.#folder, { recursive: false });
    } catch (error) {
      log.debug("Looking at {folder} now and then: {reason}", {
        folder: this.#folder,
        reason: (error as Error).message,
      });
      this.#poll = setInterval(() => this.#reload() && changed(), POLL_INTERVAL);
      return;
    }
    for await (const { paths } of this.#watcher) {
      if (!paths.some((path) => path.endsWith(`/${FILE}`))) continue;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_TIME));
      if (this.#reload()) changed();
    }
  }

  close(): void {
    this.#watcher?.close();
    clearInterval(this.#poll);
  }

  get #path(): string {
    return `${this.#folder}/${FILE}`;
  }

  /** Whether the file is another one now. One that makes no sense changes nothing. */
  #reload(): boolean {
    try {
      const text = readTextIfAny(this.#path);
      if (text === this.#text) return false;
      this.#registry = this.#parse(text);
      this.#text = text;
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      log.error("{reason}; going on with what it was before", { reason: error.message });
      return false;
    }
  }

  #parse(text: string | undefined): Registry {
    if (text === undefined) return new Registry();
    try {
      return parseRegistry(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new Failure(`Cannot make sense of ${this.#path}: ${error.message}: mend the file`);
    }
  }
}
