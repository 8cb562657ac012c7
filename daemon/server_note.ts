import { parseJson } from "../lib/config/parse_json.ts";
import { parseIpv4Prefix } from "../lib/address/ipv4_prefix.ts";
import { parseIpv6Prefix } from "../lib/address/ipv6_prefix.ts";
import type { TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import type { ServerSettings } from "../lib/config/server_settings.ts";
import { readStateFile, writeIfPossible } from "./state_file.ts";

/** What commands beside the server have to know of it, from `server.json` of its state folder. */
export interface ServerNote {
  port: number;
  /** The one address that it listens on; all of them if undefined. */
  listen?: string | undefined;
  /** The networks that it serves; undefined if a server of an earlier version left the note. */
  networks?: TunnelNetworks | undefined;
}

/** Leaves a note of how the server was started last. */
export function writeServerNote(
  folder: string,
  { port, listen }: ServerSettings,
  networks: TunnelNetworks,
): void {
  const { network, network6 } = networks;
  const note = { version: 1, port, listen, network: `${network}`, network6: network6?.toString() };
  writeIfPossible(
    `${folder}/server.json`,
    `${JSON.stringify(note, null, 2)}\n`,
    "other commands go by how the server was started before",
  );
}

/** Reads the note; the defaults if there is none yet. */
export function readServerNote(folder: string): ServerNote {
  return readStateFile(`${folder}/server.json`, parseNote) ?? { port: DEFAULT_PORT };
}

/** Whether a server was ever started with this state folder. */
export function hasServerNote(folder: string): boolean {
  return readStateFile(`${folder}/server.json`, parseNote) !== undefined;
}

/** Reads the text of `server.json`. @throws {SyntaxError} if it is none */
export function parseNote(text: string): ServerNote {
  const note = parseJson(text) as Record<string, unknown> | null;
  const { port, listen, network, network6 } = note ?? {};
  const valid = Number.isInteger(port) && (listen === undefined || typeof listen === "string");
  if (!valid) throw new SyntaxError("It is no note of a server");
  return {
    port: port as number,
    listen: listen as string | undefined,
    networks: network === undefined ? undefined : {
      network: parseIpv4Prefix(String(network)),
      network6: network6 === undefined ? undefined : parseIpv6Prefix(String(network6)),
    },
  };
}
