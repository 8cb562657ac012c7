/** The text of `peers.json`, in which a registry is kept; docs/state.md describes it. */
import { parseJson } from "./parse_json.ts";
import { formatIpv4, parseIpv4 } from "../address/ipv4_address.ts";
import { parsePrefix, type Prefix } from "../address/prefix.ts";
import { NAME_PATTERN } from "../protocol/control.ts";
import { KEY_LENGTH } from "../protocol/x25519.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { TOKEN_LENGTH } from "./invite.ts";
import { type OpenInvite, type Peer, Registry } from "./registry.ts";

const VERSION = 1;

/** The text of `peers.json`. */
export function formatRegistry({ peers, invites }: Registry): string {
  const file = {
    version: VERSION,
    peers: peers.map((peer) => ({
      ...peer,
      address: peer.address && formatIpv4(peer.address),
      routes: peer.routes.map(String),
      created: formatTime(peer.created),
    })),
    invites: invites.map((invite) => ({
      ...invite,
      address: invite.address && formatIpv4(invite.address),
      routes: invite.routes.map(String),
      created: formatTime(invite.created),
      expires: formatTime(invite.expires),
    })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Reads the text of `peers.json`. @throws {SyntaxError} that says which entry makes no sense */
export function parseRegistry(text: string): Registry {
  const file = asObject(parseJson(text), "The file");
  if (file.version !== VERSION) throw new SyntaxError(`It is not of version ${VERSION}`);
  const peers = asList(file.peers, "peers").map((entry, i) =>
    parseEntry(entry, `peer ${i + 1}`, parsePeer)
  );
  const invites = asList(file.invites, "invites").map((entry, i) =>
    parseEntry(entry, `invite ${i + 1}`, parseOpenInvite)
  );
  for (const key of ["name", "publicKey"] as const) {
    if (new Set(peers.map((peer) => peer[key])).size < peers.length) {
      throw new SyntaxError(`Two peers have the same ${key}`);
    }
  }
  return new Registry(peers, invites);
}

type Fields = Record<string, unknown>;

function parsePeer(fields: Fields): Peer {
  return {
    name: parseName(fields.name),
    publicKey: parseBase64(fields.publicKey, KEY_LENGTH),
    ...parseAddresses(fields),
    enabled: fields.enabled !== false,
    isolated: fields.isolated === true,
    created: parseTime(fields.created),
  };
}

function parseOpenInvite(fields: Fields): OpenInvite {
  const { state, usedBy } = fields;
  if (state !== "open" && state !== "used" && state !== "revoked") {
    throw new SyntaxError("its state is none of open, used, revoked");
  }
  return {
    name: parseName(fields.name),
    token: parseBase64(fields.token, TOKEN_LENGTH),
    ...parseAddresses(fields),
    created: parseTime(fields.created),
    expires: parseTime(fields.expires),
    state,
    usedBy: usedBy === undefined ? undefined : parseBase64(usedBy, KEY_LENGTH),
  };
}

function parseEntry<T>(entry: unknown, what: string, parse: (fields: Fields) => T): T {
  try {
    return parse(asObject(entry, "it"));
  } catch (error) {
    throw new SyntaxError(`In ${what}: ${(error as Error).message}`);
  }
}

function parseAddresses({ address, routes }: Fields): {
  address: number | undefined;
  routes: Prefix[];
} {
  return {
    address: address === undefined ? undefined : parseIpv4(String(address)),
    routes: asList(routes ?? [], "routes").map((route) => parsePrefix(String(route))),
  };
}

function parseName(name: unknown): string {
  if (typeof name === "string" && NAME_PATTERN.test(name)) return name;
  throw new SyntaxError("its name is none");
}

/** The one form in which keys are compared. */
function parseBase64(text: unknown, length: number): string {
  if (typeof text !== "string") throw new SyntaxError("a key is missing");
  return toBase64(fromBase64(text, length));
}

function parseTime(time: unknown): number {
  const milliseconds = typeof time === "string" ? Date.parse(time) : NaN;
  if (Number.isFinite(milliseconds)) return milliseconds;
  throw new SyntaxError("a time is none (write it as 2026-01-31T12:00:00Z)");
}

function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function asObject(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new SyntaxError(`${what} is no object`);
}

function asList(value: unknown, what: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new SyntaxError(`"${what}" is no list`);
}
