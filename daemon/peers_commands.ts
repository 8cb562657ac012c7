import type { TunnelNetworks } from "../lib/address/tunnel_networks.ts";
import { toBase64 } from "../lib/config/base64.ts";
import { type Arguments, UsageError } from "../lib/config/command_line.ts";
import { STATE_OPTIONS } from "../lib/config/common_options.ts";
import { checkPeerAddress, hostIpv4, routedNetwork } from "../lib/config/networks.ts";
import type { Peer, Registry } from "../lib/config/registry.ts";
import {
  PEERS_ADD_OPTIONS,
  PEERS_LIST_OPTIONS,
  PEERS_SET_OPTIONS,
} from "../lib/config/server_options.ts";
import {
  isGiven,
  peerName,
  publicKey,
  read,
  readAll,
  readOperands,
  readText,
} from "../lib/config/values.ts";
import { Failure } from "./failure.ts";
import { addressesOf, inviteJson, networksOf, peerJson, stateOf } from "./peer_description.ts";
import type { Command } from "./program.ts";
import { RegistryStore } from "./registry_store.ts";
import { readServerNote } from "./server_note.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import { alignColumns } from "./table.ts";

const NAME = "The peer's NAME";

/** The commands that look at and change who may connect. A running server follows at once. */
export const PEERS_COMMANDS: readonly Command[] = [
  {
    name: "peers list",
    usage: "[--json]",
    help: "who may connect, and which invites are open",
    options: PEERS_LIST_OPTIONS,
    run: list,
  },
  {
    name: "peers show",
    usage: "NAME [--json]",
    help: "all that is known of one peer",
    options: PEERS_LIST_OPTIONS,
    run: show,
  },
  {
    name: "peers add",
    usage: "NAME PUBLIC_KEY [OPTION ...]",
    help: "let in who has this key",
    options: PEERS_ADD_OPTIONS,
    run: add,
  },
  {
    name: "peers set",
    usage: "NAME [OPTION ...]",
    help: "give a peer another address or other networks, or isolate it",
    options: PEERS_SET_OPTIONS,
    run: set,
  },
  {
    name: "peers rename",
    usage: "NAME NEW_NAME",
    help: "call a peer something else",
    options: STATE_OPTIONS,
    run: (args) => {
      const [name, other] = readOperands(args, NAME, "Its NEW_NAME");
      change(args, (registry) => registry.changePeer(name!, { name: peerName(other!) }));
    },
  },
  {
    name: "peers disable",
    usage: "NAME",
    help: "cut a peer off until it is enabled again",
    options: STATE_OPTIONS,
    run: (args) => enable(args, false),
  },
  {
    name: "peers enable",
    usage: "NAME",
    help: "let a disabled peer in again",
    options: STATE_OPTIONS,
    run: (args) => enable(args, true),
  },
  {
    name: "peers remove",
    usage: "NAME",
    help: "cut a peer off, at once and for good",
    options: STATE_OPTIONS,
    run: (args) => {
      const [name] = readOperands(args, NAME);
      change(args, (registry) => registry.removePeer(name!));
    },
  },
];

function folderOf(args: Arguments): string {
  return openStateFolder(readText(args, "state") ?? defaultStateFolder());
}

function storeOf(args: Arguments): RegistryStore {
  return new RegistryStore(folderOf(args));
}

/** The networks of the server that runs, or ran last. */
function networksOfServer(args: Arguments): TunnelNetworks | undefined {
  return readServerNote(folderOf(args)).networks;
}

function change(args: Arguments, change: (registry: Registry) => Registry): void {
  storeOf(args).update(change);
}

function readPeerAddress(args: Arguments): number | undefined {
  const address = read(args, "address", hostIpv4);
  checkPeerAddress(address, networksOfServer(args)?.network);
  return address;
}

function add(args: Arguments): void {
  const [name, key] = readOperands(args, NAME, "Its PUBLIC_KEY");
  const peer: Peer = {
    name: peerName(name!),
    publicKey: toBase64(readKey(key!)),
    address: readPeerAddress(args),
    routes: readAll(args, "route", routedNetwork),
    enabled: true,
    isolated: isGiven(args, "isolate"),
    created: Date.now(),
  };
  change(args, (registry) => registry.addPeer(peer));
}

function set(args: Arguments): void {
  const [name] = readOperands(args, NAME);
  rejectBoth(args, "route", "no-routes");
  rejectBoth(args, "isolate", "no-isolate");
  const address = readPeerAddress(args);
  const routes = readAll(args, "route", routedNetwork);
  const changes: Partial<Peer> = {
    ...address !== undefined && { address },
    ...(routes.length > 0 || isGiven(args, "no-routes")) && { routes },
    ...isGiven(args, "isolate") && { isolated: true },
    ...isGiven(args, "no-isolate") && { isolated: false },
  };
  if (Object.keys(changes).length === 0) throw new UsageError("There is nothing to set: say what");
  change(args, (registry) => registry.changePeer(name!, changes));
}

function rejectBoth(args: Arguments, one: string, other: string): void {
  if (!isGiven(args, one) || !isGiven(args, other)) return;
  throw new UsageError(`The options --${one} and --${other} exclude each other`);
}

function enable(args: Arguments, enabled: boolean): void {
  const [name] = readOperands(args, NAME);
  change(args, (registry) => registry.changePeer(name!, { enabled }));
}

function readKey(text: string): Uint8Array {
  try {
    return publicKey(text);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function list(args: Arguments): void {
  readOperands(args);
  const { peers, invites } = storeOf(args).registry;
  const networks = networksOfServer(args);
  const open = invites.filter(({ state, expires }) => state === "open" && expires > Date.now());
  if (isGiven(args, "json")) {
    return console.log(
      JSON.stringify(
        {
          peers: peers.map((peer) => peerJson(peer, networks)),
          invites: open.map((invite) => inviteJson(invite, networks)),
        },
        null,
        2,
      ),
    );
  }
  const rows = [
    ...peers.map((
      peer,
    ) => [peer.name, addressesOf(peer, networks), networksOf(peer), stateOf(peer)]),
    ...open.map((invite) => [
      invite.name,
      addressesOf(invite, networks),
      networksOf(invite),
      `invited until ${new Date(invite.expires).toLocaleString("sv")}`,
    ]),
  ];
  if (rows.length === 0) {
    return console.error(
      `Nobody may connect yet, as ${
        folderOf(args)
      } says: "simplevpn-server invite NAME" lets a machine in`,
    );
  }
  console.log(alignColumns([["NAME", "ADDRESS", "NETWORKS", "STATE"], ...rows]));
}

function show(args: Arguments): void {
  const [name] = readOperands(args, NAME);
  const peer = storeOf(args).registry.peerByName(name!);
  if (peer === undefined) {
    throw new Failure(`There is no peer "${name}" ("peers list" shows all)`);
  }
  const networks = networksOfServer(args);
  if (isGiven(args, "json")) return console.log(JSON.stringify(peerJson(peer, networks), null, 2));
  console.log(alignColumns([
    ["name", peer.name],
    ["public key", peer.publicKey],
    ["address", addressesOf(peer, networks)],
    ["networks", networksOf(peer)],
    ["state", stateOf(peer)],
    ["enrolled", new Date(peer.created).toLocaleString("sv")],
  ]));
}
