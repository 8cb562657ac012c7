import { isClockSynchronized } from "../../ffi/clock_state.ts";
import { formatAddress } from "../../lib/address/ip_address.ts";
import { toBase64 } from "../../lib/config/base64.ts";
import type { Arguments } from "../../lib/config/command_line.ts";
import { CONFIG } from "../../lib/config/common_options.ts";
import { parseRegistry } from "../../lib/config/registry_file.ts";
import { SERVE_OPTIONS } from "../../lib/config/server_options.ts";
import { readServerSettings, type ServerSettings } from "../../lib/config/server_settings.ts";
import { isGiven } from "../../lib/config/values.ts";
import { judgeClock } from "../../lib/doctor/clock.ts";
import { type Finding, note, ok } from "../../lib/doctor/finding.ts";
import { keyPairOf } from "../../lib/protocol/x25519.ts";
import { Failure } from "../failure.ts";
import { readPrivateKey } from "../identity.ts";
import { localAddresses } from "../local_networks.ts";
import { lockPath } from "../program_lock.ts";
import { parseNote, type ServerNote } from "../server_note.ts";
import { SettingsSource } from "../settings_source.ts";
import { readTextIfAny } from "../state_file.ts";
import { defaultStateFolder } from "../state_folder.ts";
import { parseTimestamps } from "../timestamp_store.ts";
import { checkDevice } from "./device.ts";
import { checkForwarding } from "./forwarding.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkFirewall, checkPort } from "./listening.ts";
import { lockHolder, tunOf } from "./lock_holder.ts";
import { checkNetworks } from "./networks.ts";
import { readPacketFilter } from "./packet_filter.ts";
import { checkRegistry } from "./registry.ts";
import { checkDnsServers, checkMachineDns } from "./resolver.ts";
import { runChecks } from "./run_checks.ts";
import { checkCrypto, checkFileLimit, checkState, type StateFile } from "./state.ts";
import { tellFindings } from "./tell.ts";

const FILES: readonly StateFile[] = [
  { name: "server.key", isSecret: true, isVital: true, read: readPrivateKey },
  { name: "peers.json", isSecret: true, isVital: true, read: parseRegistry },
  { name: "timestamps.json", isSecret: false, isVital: false, read: parseTimestamps },
  { name: "server.json", isSecret: false, isVital: false, read: parseNote },
];

/** What this machine is like, as far as all checks of a server have to know. */
interface Scene {
  settings: ServerSettings;
  folder: string;
  /** The process that runs as the server now, if any, and its TUN device. */
  running: number | undefined;
  tun: string | undefined;
}

/** Finds what keeps a server from serving. @throws {Failure} if there is a fault */
export async function runServerDoctor(args: Arguments): Promise<void> {
  const told = new SettingsSource(SERVE_OPTIONS, readServerSettings, args).settings;
  const folder = told.state ?? defaultStateFolder();
  const running = lockHolder(lockPath("server", folder));
  const tun = running === undefined ? undefined : tunOf(running);
  const settings = withNote(told, args, readIfSound(`${folder}/server.json`, parseNote));
  const scene: Scene = { settings, folder, running, tun };
  const files = settings.maxClients;
  tellFindings(
    "simplevpn-server",
    args,
    await runChecks([
      { name: "running", run: () => checkRunning(scene) },
      { name: "tun-device", run: () => checkDevice(settings, running !== undefined) },
      {
        name: "clock",
        run: () => [judgeClock(Date.now(), latestTimestamp(folder), isClockSynchronized())],
      },
      { name: "state", run: () => checkState(folder, FILES) },
      { name: "crypto", run: () => checkCrypto(settings.crypto) },
      { name: "file-limit", run: () => checkFileLimit(files) },
      { name: "leftovers", run: () => checkLeftovers("server", folder, running !== undefined) },
      { name: "port", run: () => checkPort(settings, running) },
      { name: "firewall", run: () => checkFilters(scene) },
      { name: "networks", run: () => checkOwnNetworks(scene) },
      { name: "peers", run: () => checkPeers(scene) },
      { name: "dns", run: () => checkDns(settings) },
    ]),
  );
}

/** What the command line leaves open is as the server was started last; a configuration file leaves nothing open. */
function withNote(
  settings: ServerSettings,
  args: Arguments,
  last: ServerNote | undefined,
): ServerSettings {
  if (last === undefined || isGiven(args, CONFIG)) return settings;
  return {
    ...settings,
    port: isGiven(args, "port") ? settings.port : last.port,
    listen: settings.listen ?? last.listen,
    network: isGiven(args, "network")
      ? settings.network
      : last.networks?.network ?? settings.network,
  };
}

/** What is in a file; undefined if it is not there, or damaged, which is said of the state folder. */
function readIfSound<T>(path: string, parse: (text: string) => T): T | undefined {
  try {
    const text = readTextIfAny(path);
    return text === undefined ? undefined : parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return undefined;
    throw error;
  }
}

function checkRunning({ folder, running, tun }: Scene): Finding[] {
  const path = `${folder}/server.key`;
  const secret = readIfSound(path, (text) => readPrivateKey(text, path));
  const key = secret && toBase64(keyPairOf(secret).publicKey);
  const findings = key === undefined ? [] : [ok("key", `The server's key is ${key}`)];
  if (running !== undefined) {
    const device = tun === undefined ? "" : `, ${tun}`;
    return [ok("running", `The server is running (process ${running}${device})`), ...findings];
  }
  return [
    note("running", `No server is seen to run with the state folder ${folder}`, {
      mend:
        '"sudo simplevpn-server", or "sudo systemctl start simplevpn-server" where systemd runs it',
    }),
    ...findings,
  ];
}

function latestTimestamp(folder: string): number | undefined {
  const known = readIfSound(`${folder}/timestamps.json`, parseTimestamps);
  return known === undefined ? undefined : Math.max(...known.map(([, timestamp]) => timestamp));
}

async function checkFilters({ settings, tun }: Scene): Promise<Finding[]> {
  const filter = await readPacketFilter();
  const { routes, network } = settings;
  const isGateway = settings.gateway !== undefined;
  return [
    ...checkFirewall(filter, settings),
    ...checkForwarding({ routes, network, tun, isGateway }, filter),
  ];
}

function checkOwnNetworks({ settings, tun }: Scene): Finding[] {
  const { network, network6 } = settings;
  const own = [network, ...network6 === undefined || network6 === "random" ? [] : [network6]];
  const others = localAddresses().filter((local) => local.interface !== tun);
  // That a network of --route is this machine's own is as it should be.
  return checkNetworks({ own, routes: [] }, others);
}

function checkPeers({ settings, folder }: Scene): Finding[] {
  const registry = readIfSound(`${folder}/peers.json`, parseRegistry);
  return registry === undefined ? [] : checkRegistry(registry, settings.network);
}

async function checkDns({ dns }: ServerSettings): Promise<Finding[]> {
  const pushed = await checkDnsServers(
    dns.map(formatAddress),
    "--dns names it to clients: they could resolve no names",
    "name another with --dns, or start it",
  );
  return [...await checkMachineDns(), ...pushed];
}
