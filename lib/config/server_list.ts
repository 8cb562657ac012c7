import { type Arguments, UsageError } from "./command_line.ts";
import { host, port, publicKey, readAll } from "./values.ts";

/** Servers that a client takes at the most. */
const MOST_SERVERS = 16;

/** A server as a command line names it. */
export interface NamedServer {
  /** A name or a literal address, without brackets. */
  host: string;
  /** The port of all of them, or the usual one, if undefined. */
  port: number | undefined;
  /** One that is known already if undefined. */
  publicKey: Uint8Array | undefined;
}

/**
 * Reads the servers that a client is told, the preferred one first: each a HOST or HOST:PORT, with a key for
 * each in the same order, one key for all, or none.
 *
 * @throws {UsageError}
 */
export function readServers(args: Arguments): NamedServer[] {
  const servers = readAll(args, "server", readServer);
  const keys = readAll(args, "server-key", publicKey);
  if (servers.length > MOST_SERVERS) {
    throw new UsageError(`There are ${servers.length} servers, and ${MOST_SERVERS} at the most`, [
      "server",
    ]);
  }
  if (servers.length > 0 && keys.length > 1 && keys.length !== servers.length) {
    throw new UsageError(
      `There are ${servers.length} servers and ${keys.length} keys: give --server-key once for ` +
        "all, or once for each -s, in the same order",
      ["server", "server-key"],
    );
  }
  return servers.map((server, i) => ({
    ...server,
    publicKey: keys.length === 1 ? keys[0] : keys[i],
  }));
}

/** What has more than one colon and no brackets is an IPv6 address. */
function readServer(text: string): Pick<NamedServer, "host" | "port"> {
  const match = /^(\[[^\]]*\]|[^:]*):([^:]*)$/.exec(text);
  if (match === null) return { host: host(text), port: undefined };
  return { host: host(match[1]!), port: port(match[2]!) };
}
