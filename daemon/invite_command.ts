import { renderUnicodeCompact } from "uqr";
import { toBase64 } from "../lib/config/base64.ts";
import type { Arguments } from "../lib/config/command_line.ts";
import { checkPeerAddress } from "../lib/config/networks.ts";
import { formatInvite, TOKEN_LENGTH } from "../lib/config/invite.ts";
import { type InviteSettings, readInviteSettings } from "../lib/config/invite_settings.ts";
import { Failure } from "./failure.ts";
import { loadIdentity } from "./identity.ts";
import { hostsFor } from "./local_networks.ts";
import { RegistryStore } from "./registry_store.ts";
import { hasServerNote, readServerNote, type ServerNote } from "./server_note.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";

/** Makes an invite and prints its line to stdout; all else goes to stderr. @throws {Failure} */
export function runInvite(args: Arguments): void {
  const settings = readInviteSettings(args);
  const folder = openStateFolder(settings.state ?? defaultStateFolder());
  const store = new RegistryStore(folder);
  if (settings.revoke) {
    store.update((registry) => registry.revokeInvite(settings.name));
    return console.error(`The invite for ${settings.name} is void now`);
  }
  const note = readServerNote(folder);
  checkPeerAddress(settings.address, note.networks?.network);
  const host = settings.host ?? likelyHost(note);
  const token = crypto.getRandomValues(new Uint8Array(TOKEN_LENGTH));
  const line = formatInvite({
    host,
    port: settings.port ?? note.port,
    publicKey: loadIdentity(`${folder}/server.key`).publicKey,
    token,
  });
  store.update((registry) => registry.addInvite(openInvite(settings, toBase64(token), Date.now())));
  if (settings.qr) console.error(renderUnicodeCompact(line));
  console.log(line);
  explain(settings, host);
  if (!hasServerNote(folder)) {
    console.error(
      `No server has run with the state folder ${folder} yet, and only one that does lets it in: ` +
        "was this meant for root's (sudo), or for another --state DIR?",
    );
  }
}

function openInvite(
  { name, address, routes, expires }: InviteSettings,
  token: string,
  now: number,
): Parameters<RegistryStore["registry"]["addInvite"]>[0] {
  return {
    name,
    token,
    address,
    routes,
    created: now,
    expires: now + expires,
    state: "open",
    usedBy: undefined,
  };
}

function likelyHost({ listen }: ServerNote): string {
  const host = hostsFor(listen)[0];
  if (host !== undefined) return host;
  throw new Failure(
    "This machine has no address that others could reach it by: say which name or address clients " +
      "are to use, with --host NAME",
  );
}

function explain({ name, host: chosen, expires }: InviteSettings, host: string): void {
  const until = new Date(Date.now() + expires).toLocaleString("sv");
  console.error(`Whoever has this line can join as ${name}, once, until ${until}. There, run:`);
  console.error("  simplevpn-client INVITE");
  if (chosen === undefined) {
    console.error(`It leads to ${host}; if clients reach this server otherwise, use --host NAME.`);
  }
}
