import type { Arguments } from "../lib/config/command_line.ts";
import { toBase64 } from "../lib/config/base64.ts";
import { readOperands } from "../lib/config/values.ts";
import { keyPairOf } from "../lib/protocol/x25519.ts";
import { randomKey, readPrivateKey } from "./identity.ts";
import type { Command } from "./program.ts";
import { readAll } from "./given_text.ts";

/** The commands for people with their own tooling, the same in both programs. */
export const KEY_COMMANDS: readonly Command[] = [
  {
    name: "genkey",
    usage: "> FILE",
    help: "print a new private key",
    options: [],
    run: printNewKey,
  },
  {
    name: "pubkey",
    usage: "< FILE",
    help: "print the public key of the private key on stdin",
    options: [],
    run: printPublicKey,
  },
];

function printNewKey(args: Arguments): void {
  readOperands(args);
  console.log(toBase64(randomKey()));
}

async function printPublicKey(args: Arguments): Promise<void> {
  readOperands(args);
  const { publicKey } = keyPairOf(readPrivateKey(await readAll(), "stdin"));
  console.log(toBase64(publicKey));
}
