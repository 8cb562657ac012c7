/**
 * Invites: what a client has to know to join, in one line.
 *
 *     simplevpn://HOST:PORT/SERVER_KEY/TOKEN
 *
 * Key and token are base64url. The token is the secret: whoever has it may join, once. What the
 * handshake uses of it is derived by HKDF-SHA256 (RFC 5869).
 */
import { hkdfSync } from "node:crypto";
import { INVITE_ID_LENGTH } from "../protocol/hello.ts";
import { KEY_LENGTH } from "../protocol/x25519.ts";
import { fromBase64, toBase64Url } from "./base64.ts";

const SCHEME = "simplevpn:";

/** Bytes of a token. */
export const TOKEN_LENGTH = 16;

/** A server as a client knows it. */
export interface ServerReference {
  /** A name or a literal address, without brackets. */
  host: string;
  port: number;
  /** The server's static public key. */
  publicKey: Uint8Array;
}

export interface Invite extends ServerReference {
  /** TOKEN_LENGTH bytes; secret. */
  token: Uint8Array;
}

/** What a token stands for in a handshake. */
export interface TokenSecrets {
  /** Says in the first message which invite it is; tells nothing about the token. */
  id: Uint8Array;
  /** The handshake's pre-shared key. */
  psk: Uint8Array;
}

export function tokenSecrets(token: Uint8Array): TokenSecrets {
  const derive = (purpose: string, length: number): Uint8Array =>
    new Uint8Array(
      hkdfSync("sha256", token, new Uint8Array(0), `simplevpn invite ${purpose}`, length),
    );
  return { id: derive("id", INVITE_ID_LENGTH), psk: derive("psk", KEY_LENGTH) };
}

/** Whether an argument is meant to be an invite. */
export function looksLikeInvite(text: string): boolean {
  return text.startsWith(SCHEME);
}

export function formatInvite({ host, port, publicKey, token }: Invite): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `${SCHEME}//${name}:${port}/${toBase64Url(publicKey)}/${toBase64Url(token)}`;
}

/** @throws {SyntaxError} that does not repeat the text, which may hold a secret */
export function parseInvite(text: string): Invite {
  const match =
    /^simplevpn:\/\/(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/[\]]+)):([0-9]{1,5})\/([^/\s]+)\/([^/\s]+)$/
      .exec(text.trim());
  if (match === null) {
    throw new SyntaxError(
      "That is no whole invite: it is one line, simplevpn://HOST:PORT/KEY/TOKEN",
    );
  }
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) throw new SyntaxError("The invite's port is not from 1 to 65535");
  return {
    host: (match[1] ?? match[2])!,
    port,
    publicKey: part("server key", match[4]!, KEY_LENGTH),
    token: part("token", match[5]!, TOKEN_LENGTH),
  };
}

function part(name: string, text: string, length: number): Uint8Array {
  try {
    return fromBase64(text, length);
  } catch {
    throw new SyntaxError(`The invite's ${name} is damaged: was the whole line copied?`);
  }
}
