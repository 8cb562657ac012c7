import { fromBase64, toBase64 } from "../lib/config/base64.ts";
import { KEY_LENGTH, type KeyPair, keyPairOf } from "../lib/protocol/x25519.ts";
import { Failure } from "./failure.ts";
import { readTextIfAny } from "./state_file.ts";
import { writeFileAtomically } from "./state_folder.ts";

/** 32 bytes that nobody can guess. */
export function randomKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_LENGTH));
}

/** The key pair in a file; a new one, which the file then holds, if there is none. @throws {Failure} */
export function loadIdentity(path: string): KeyPair {
  const text = readTextIfAny(path);
  const bytes = text === undefined ? randomKey() : readPrivateKey(text, path);
  if (text === undefined) writeFileAtomically(path, `${toBase64(bytes)}\n`);
  const pair = keyPairOf(bytes);
  bytes.fill(0);
  return pair;
}

/** Reads a private key in base64. @throws {Failure} that does not repeat it */
export function readPrivateKey(text: string, source: string): Uint8Array {
  try {
    return fromBase64(text.trim(), KEY_LENGTH);
  } catch {
    throw new Failure(
      `There is no private key in ${source}: it should be ${KEY_LENGTH} bytes in base64, as ` +
        '"genkey" prints them',
    );
  }
}
