import { isClockSynchronized } from "../../ffi/clock_state.ts";
import { formatAddress, type IpAddress, isIpv4 } from "../../lib/address/ip_address.ts";
import { prefixOf } from "../../lib/address/prefix.ts";
import { CONNECT_OPTIONS } from "../../lib/config/client_options.ts";
import { type ClientSettings, readClientSettings } from "../../lib/config/client_settings.ts";
import { type Arguments, UsageError } from "../../lib/config/command_line.ts";
import { DEFAULT_PORT } from "../../lib/config/defaults.ts";
import { parseInvite } from "../../lib/config/invite.ts";
import { judgeClock } from "../../lib/doctor/clock.ts";
import { fault, type Finding, ofSeveral } from "../../lib/doctor/finding.ts";
import type { Configuration } from "../../lib/protocol/control.ts";
import type { ClientStatus } from "../../lib/status/client_status.ts";
import { selectCipherSuite } from "../cipher_suite.ts";
import { joinedServers, parseServers, waitingInvite } from "../client_state.ts";
import { ask } from "../control_request.ts";
import { Failure } from "../failure.ts";
import { readPrivateKey } from "../identity.ts";
import { type JoinPlan, planJoin } from "../join_plan.ts";
import { type LocalAddress, localAddresses } from "../local_networks.ts";
import { lookOutside } from "../outside.ts";
import { lockPath } from "../program_lock.ts";
import { SettingsSource } from "../settings_source.ts";
import { readTextIfAny } from "../state_file.ts";
import { defaultStateFolder } from "../state_folder.ts";
import { askAdmission, checkPathMtu, leave } from "./admission.ts";
import { Caller } from "./caller.ts";
import { checkClassicServer } from "./classic_server.ts";
import { checkDevice } from "./device.ts";
import { Knocker } from "./knock.ts";
import { checkLeftovers, checkRules } from "./leftovers.ts";
import { lockHolder, tunOf } from "./lock_holder.ts";
import { checkLoop, checkNetworks, type TunnelView } from "./networks.ts";
import { reachServer } from "./reach.ts";
import { checkMachineDns, resolveServer } from "./resolver.ts";
import { checkRoute } from "./route.ts";
import { runChecks } from "./run_checks.ts";
import { checkCrypto, checkState, type StateFile } from "./state.ts";
import { tellFindings } from "./tell.ts";
import { checkTunnel, notConnected } from "./tunnel.ts";
import { checkTunnelDns } from "./tunnel_dns.ts";

const FILES: readonly StateFile[] = [
  { name: "client.key", isSecret: true, isVital: true, read: readPrivateKey },
  { name: "joined.json", isSecret: false, isVital: true, read: parseServers },
  { name: "invite", isSecret: true, isVital: true, read: parseInvite },
];

/** What this machine is like, as far as all checks of a client have to know. */
interface Scene {
  settings: ClientSettings;
  folder: string;
  /** The process that runs as the client now, if any, and its TUN device. */
  running: number | undefined;
  tun: string | undefined;
  /** Why that is not connected; undefined if it is, or nobody says. */
  disconnected: string | undefined;
  /** The DNS servers that its server told it; undefined if nobody says. */
  told: readonly string[] | undefined;
}

/** Finds what keeps a client's tunnel from working. @throws {Failure} if there is a fault */
export async function runClientDoctor(args: Arguments): Promise<void> {
  const { settings } = new SettingsSource(CONNECT_OPTIONS, readClientSettings, args);
  const folder = settings.state ?? defaultStateFolder();
  const running = lockHolder(lockPath("client", folder));
  const tun = running === undefined ? undefined : tunOf(running);
  const status = running === undefined ? undefined : await statusOf(folder);
  const disconnected = status?.connected === false ? status.reason : undefined;
  const scene: Scene = { settings, folder, running, tun, disconnected, told: status?.dns };
  tellFindings(
    "simplevpn-client",
    args,
    await runChecks([
      { name: "tun-device", run: () => checkDevice(settings, running !== undefined) },
      {
        name: "clock",
        run: () => [judgeClock(Date.now(), latestTimestamp(folder), isClockSynchronized())],
      },
      { name: "state", run: () => settings.classic ? [] : checkState(folder, FILES) },
      { name: "crypto", run: () => settings.classic ? [] : checkCrypto(settings.crypto) },
      {
        name: "leftovers",
        run: () => [...checkRules(), ...checkLeftovers("client", folder, running !== undefined)],
      },
      { name: "tunnel", run: () => checkRunning(scene) },
      { name: "server", run: () => checkServers(scene) },
      { name: "dns", run: checkMachineDns },
      { name: "dns", run: () => checkDnsOfTunnel(scene) },
    ]),
  );
}

function latestTimestamp(folder: string): number | undefined {
  try {
    const kept = Number(readTextIfAny(`${folder}/timestamp`));
    return Number.isSafeInteger(kept) && kept > 0 ? kept : undefined;
  } catch (error) {
    // Said of the state folder as a whole.
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** What the running client says; only its own user and root can ask it. */
async function statusOf(folder: string): Promise<ClientStatus | undefined> {
  try {
    return await ask("client", folder, { command: "status" }) as ClientStatus;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

async function checkDnsOfTunnel({ settings, running, tun, told }: Scene): Promise<Finding[]> {
  if (running === undefined || tun === undefined || told === undefined) return [];
  return await checkTunnelDns({ pid: running, tun, told, uses: settings.dns });
}

async function checkRunning({ running, tun, disconnected }: Scene): Promise<Finding[]> {
  if (running === undefined) return [];
  if (disconnected !== undefined) return [notConnected(running, disconnected)];
  const addresses = localAddresses();
  const own = addresses.filter((local) => local.interface === tun);
  const address = tunnelAddress({ tun });
  const findings = await checkTunnel(running, tun, address);
  if (address === undefined) return findings;
  const others = addresses.filter((local) => local.interface !== tun);
  const view = { own: own.filter(isGlobal).map(({ prefix }) => prefix), routes: [] };
  return [...findings, ...checkNetworks(view, others)];
}

/** The running client's address in the tunnel, which it has once it was connected. */
function tunnelAddress({ tun }: Pick<Scene, "tun">): LocalAddress | undefined {
  return localAddresses().find((local) => local.interface === tun && isIpv4(local.address));
}

function isGlobal({ address }: { address: IpAddress }): boolean {
  return !formatAddress(address).startsWith("fe80:");
}

/** All that has to do with servers: each is asked, since a client may go over to any of them. */
async function checkServers(scene: Scene): Promise<Finding[]> {
  const { settings } = scene;
  if (settings.classic) {
    return ofSeveral(
      await Promise.all(
        settings.servers.map(({ host, port = settings.port ?? DEFAULT_PORT }) =>
          checkClassicServer(host, port, scene.tun)
        ),
      ),
    );
  }
  const plan = await planOrFinding(scene);
  if ("check" in plan) return [plan];
  using caller = new Caller(scene.folder, scene.running !== undefined);
  return ofSeveral(
    await Promise.all(plan.servers.map((_, place) => checkServer(scene, plan, place, caller))),
  );
}

/** What there is to say of one server, one after the other as a client does it. */
async function checkServer(
  scene: Scene,
  plan: JoinPlan,
  place: number,
  caller: Caller,
): Promise<Finding[]> {
  const { settings } = scene;
  const { host, port, publicKey } = plan.servers[place]!;
  const { findings, addresses } = await resolveServer(host, port);
  findings.push(...addresses.flatMap((address) => checkRoute(address, scene.tun)));
  if (addresses.length === 0) return findings;
  const introduction = caller.introduce(plan, settings);
  const knocker = new Knocker(introduction, place, selectCipherSuite(settings.crypto));
  using reach = await reachServer(knocker, addresses, settings.carriers, {
    publicKey: caller.hasKey ? caller.identity.publicKey : undefined,
    serverKey: publicKey,
    isInvited: plan.invite !== undefined,
    isRunning: scene.running !== undefined,
    isConnected: scene.disconnected === undefined && tunnelAddress(scene) !== undefined,
  });
  findings.push(...reach.findings);
  // To be let in would send a running client away, and use an invite up.
  if (!caller.isAlone || plan.invite !== undefined) return findings;
  const [first] = reach.sessions;
  if (first === undefined) return findings;
  const admission = await askAdmission(first.session);
  findings.push(...admission.findings);
  if (admission.configuration !== undefined) {
    const byUdp = reach.sessions.find(({ session }) => session.carrier === "udp");
    if (byUdp !== undefined) findings.push(...await checkPathMtu(byUdp.session, byUdp.address));
    const view = viewOf(admission.configuration);
    const outside = lookOutside(undefined, first.address);
    findings.push(...checkNetworks(view, outside.locals), ...checkLoop(view, outside));
    leave(first.session);
  }
  return findings;
}

/** Which server it is, or that nobody can know. */
async function planOrFinding({ settings, folder }: Scene): Promise<JoinPlan | Finding> {
  try {
    const { servers, known } = joinedServers(folder);
    const memory = { servers, known: [...servers, ...known], waitingInvite: waitingInvite(folder) };
    return await planJoin(settings, memory);
  } catch (error) {
    if (!(error instanceof Failure || error instanceof UsageError)) throw error;
    return fault("server", "There is no server to connect to", {
      why: error.message,
      mend: error.message.startsWith("Cannot read")
        ? "run this command as root (sudo)"
        : 'on the server: "sudo simplevpn-server invite NAME", then here "sudo simplevpn-client INVITE"',
    });
  }
}

/** The networks that a server sends to a client. */
function viewOf({ address, address6, routes }: Configuration): TunnelView {
  const own = [address, ...address6 ? [address6] : []].map(({ address, prefixLength }) =>
    prefixOf(address, prefixLength)
  );
  return { own, routes };
}
