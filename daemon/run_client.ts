import type { ClientSettings } from "../lib/config/client_settings.ts";
import { DEFAULT_PORT } from "../lib/config/defaults.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { ClientControl } from "./client_control.ts";
import type { Membership } from "./client_handshakes.ts";
import type { ServerPlace } from "./client_servers.ts";
import { ClientState } from "./client_state.ts";
import { ClientTunnel } from "./client_tunnel.ts";
import { checkCongestionControl } from "./congestion_control.ts";
import { controlFolder } from "./control_folder.ts";
import { openControlSocket } from "./control_socket.ts";
import { dropRoot } from "./drop_root.ts";
import { Gateway } from "./gateway.ts";
import { GATEWAY_NOTES } from "./gateway_leftovers.ts";
import { checkHooks } from "./hook.ts";
import { planJoin } from "./join_plan.ts";
import { putBackLeftovers } from "./leftovers.ts";
import { log, setLogLevel, setUpLogging } from "./logging.ts";
import { serveMetrics } from "./metrics_server.ts";
import { removeStaleRules } from "./routing_rules.ts";
import { ServiceManager } from "./sd_notify.ts";
import type { SettingsSource } from "./settings_source.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import { stopSignal } from "./stop_signal.ts";
import { openTun } from "./tun_setup.ts";

/** Runs a client until a signal asks it to end. @throws {Failure} */
export async function runClient(source: SettingsSource<ClientSettings>): Promise<void> {
  const { settings } = source;
  const path = settings.state ?? defaultStateFolder(settings.user);
  await dropRoot(settings.user, settings.classic ? undefined : path);
  setUpLogging(settings);
  const stop = stopSignal(source.canReload ? () => source.reload() : undefined);
  checkCongestionControl(settings.congestion);
  checkHooks(settings.hooks);
  // One that kept state may have been killed before a classic one, which keeps none.
  await putBackLeftovers("client", path);
  if (settings.classic) return await connect(source, classicServers(settings), undefined, stop);

  const suite = selectCipherSuite(settings.crypto);
  const folder = openStateFolder(path);
  using state = new ClientState(folder);
  const plan = await planJoin(settings, state);
  log.debug("Records are sealed by {suite}", { suite: suite.name });
  await connect(source, plan.servers, { state, plan, folder }, stop);
}

/**
 * Connects, and stays connected until there is a signal. Whatever is opened or changed on the way is closed
 * or put back in the opposite order, however far it came.
 */
async function connect(
  source: SettingsSource<ClientSettings>,
  servers: readonly ServerPlace[],
  membership: Membership | undefined,
  stop: Promise<Deno.Signal>,
): Promise<void> {
  const { settings } = source;
  const tun = await openTun(settings);
  removeStaleRules();
  await using _gateway = settings.gateway && await Gateway.open({
    mode: settings.gateway,
    tun: tun.name,
    versions: ["ipv4", "ipv6"],
    notePath: `${Deno.realPathSync(membership!.folder)}/${GATEWAY_NOTES.client}`,
  });
  const folder = await controlFolder(settings);

  await using tunnel = new ClientTunnel(settings, tun.name, membership?.folder);
  source.follow((settings) => {
    tunnel.choose(settings);
    setLogLevel(settings.logLevel);
  });
  const service = new ServiceManager();
  using control = new ClientControl({ settings, servers, membership, tun, tunnel, service });
  using _metrics = settings.metrics &&
    serveMetrics(settings.metrics, () => control.monitor.metrics());
  using _socket = folder === undefined ? undefined : openControlSocket("client", folder, {
    status: () => control.monitor.status(),
    reload: () => source.reload(),
    reconnect: () => control.reconnect(),
  });
  releaseStartupMemory();
  // Not only once it is connected: a server that is away must keep no machine from booting.
  service.ready(`Connecting to ${servers[0]!.host}`);
  using _watchdog = service.watch(() => control.answer());

  const signal = await Promise.race([stop, control.failed]);
  log.info("Stopping on {signal}", { signal });
  service.stopping(tunnel.endTime);
  await tunnel.end();
  await control.stop();
}

function classicServers({ servers, port: usual = DEFAULT_PORT }: ClientSettings): ServerPlace[] {
  return servers.map(({ host, port = usual }) => ({ host, port }));
}
