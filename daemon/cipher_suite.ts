import { openLibcrypto } from "../ffi/libcrypto.ts";
import type { CryptoChoice } from "../lib/config/choices.ts";
import type { CipherSuite } from "../lib/protocol/cipher.ts";
import { nodeCipher } from "../lib/protocol/node_cipher.ts";
import { Failure } from "./failure.ts";

/** What records are sealed with, by the choice of `--crypto`. @throws {Failure} if that is not here */
export function selectCipherSuite(choice: CryptoChoice): CipherSuite {
  if (choice === "node") return nodeCipher;
  const libcrypto = openLibcrypto();
  if (libcrypto !== undefined) return libcrypto;
  if (choice === "auto") return nodeCipher;
  throw new Failure(
    "This machine has no libcrypto.so.3 or .so.1.1: install it (Debian: apt-get install libssl3), " +
      "or leave --crypto out to do without",
  );
}
