import type { ClientSettings } from "../lib/config/client_settings.ts";
import { UsageError } from "../lib/config/command_line.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import {
  type Invite,
  parseInvite,
  type ServerReference,
  type TokenSecrets,
  tokenSecrets,
} from "../lib/config/invite.ts";
import type { NamedServer } from "../lib/config/server_list.ts";
import type { ClientState } from "./client_state.ts";
import { Failure } from "./failure.ts";
import { readAll, readNamed } from "./given_text.ts";

/** Which servers a secure client connects to, and as what. */
export interface JoinPlan {
  /** The preferred one first; one at the least. */
  servers: readonly ServerReference[];
  /** For a client that may not be enrolled yet at the first of them. */
  invite: TokenSecrets | undefined;
}

/** What a state folder remembers of servers. */
export type Memory = Pick<ClientState, "servers" | "known" | "waitingInvite">;

/** Finds out from the command line, the invite and what was joined before. @throws {Failure} */
export async function planJoin(settings: ClientSettings, state: Memory): Promise<JoinPlan> {
  const invite = await readInvite(settings) ?? waitingInvite(settings, state);
  if (invite !== undefined) {
    const { host, port, publicKey, token } = invite;
    const secrets = tokenSecrets(token);
    token.fill(0);
    return { servers: [{ host, port, publicKey }], invite: secrets };
  }
  return { servers: namedServers(settings, state), invite: undefined };
}

/** Reads the invite that the command line gives, if any. @throws {Failure} */
export async function readInvite({ invite }: ClientSettings): Promise<Invite | undefined> {
  if (invite === undefined) return undefined;
  const text = "text" in invite ? invite.text : await readInviteFile(invite.file);
  try {
    return parseInvite(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The one in the state folder is for whoever names no server. */
function waitingInvite({ servers }: ClientSettings, state: Memory): Invite | undefined {
  const text = servers.length === 0 ? state.waitingInvite : undefined;
  try {
    return text === undefined ? undefined : parseInvite(text);
  } catch (error) {
    throw new Failure(`Cannot use the invite in the state folder: ${(error as Error).message}`);
  }
}

async function readInviteFile(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll() : await readNamed(file);
  } catch (error) {
    throw new Failure(`Cannot read the invite from ${file}: ${(error as Error).message}`);
  }
}

function namedServers(
  { servers, port }: ClientSettings,
  { servers: joined, known }: Memory,
): readonly ServerReference[] {
  if (servers.length > 0) return servers.map((server) => withKey(server, port, known));
  if (joined.length > 0) return joined;
  throw new Failure(
    "This machine has not joined a network yet: get an invite from whoever runs the server " +
      '("simplevpn-server invite NAME" prints one), and run simplevpn-client INVITE',
  );
}

/** Adds what is known of a server to what the command line says of it. */
function withKey(
  { host, port: own, publicKey: named }: NamedServer,
  common: number | undefined,
  known: readonly ServerReference[],
): ServerReference {
  const port = own ?? common;
  const isIt = (other: ServerReference): boolean =>
    other.host === host && (port === undefined || other.port === port);
  // A server whose port is another one now has the same key still.
  const match = known.find(isIt) ?? known.find((other) => other.host === host);
  const publicKey = named ?? match?.publicKey;
  if (publicKey !== undefined) {
    return { host, port: port ?? match?.port ?? DEFAULT_PORT, publicKey };
  }
  throw new UsageError(
    `The key of the server "${host}" is not known here: use an invite, or give --server-key KEY ` +
      "(the server prints it when it starts); --classic is for servers of the protocol of 2013",
  );
}
