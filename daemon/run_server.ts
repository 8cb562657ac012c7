import type { ServerSettings } from "../lib/config/server_settings.ts";
import { selectCipherSuite } from "./cipher_suite.ts";
import { checkCongestionControl } from "./congestion_control.ts";
import { openControlSocket } from "./control_socket.ts";
import { dropRoot } from "./drop_root.ts";
import { Gateway } from "./gateway.ts";
import { GATEWAY_NOTES } from "./gateway_leftovers.ts";
import { checkHooks, endTimeOf } from "./hook.ts";
import { loadIdentity } from "./identity.ts";
import { putBackLeftovers } from "./leftovers.ts";
import { log, setUpLogging } from "./logging.ts";
import { serveMetrics } from "./metrics_server.ts";
import { holdFolder } from "./program_lock.ts";
import { ServiceManager } from "./sd_notify.ts";
import { announceServer } from "./server_announcement.ts";
import { ServerControl } from "./server_control.ts";
import { writeServerNote } from "./server_note.ts";
import { openServerSockets } from "./server_sockets.ts";
import { openServerStore } from "./server_store.ts";
import { checkNetwork, chooseNetworks, openServerTunnel } from "./server_tunnel.ts";
import type { SettingsSource } from "./settings_source.ts";
import { releaseStartupMemory } from "./startup_memory.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";
import { stopSignal } from "./stop_signal.ts";

/**
 * Runs a server until a signal asks it to end. Whatever is opened or changed on the way is closed or put
 * back in the opposite order, however far it came.
 *
 * @throws {Failure}
 */
export async function runServer(source: SettingsSource<ServerSettings>): Promise<void> {
  const { settings } = source;
  const path = settings.state ?? defaultStateFolder(settings.user);
  await dropRoot(settings.user, path);
  setUpLogging(settings);
  const service = new ServiceManager();
  const stop = stopSignal(source.canReload ? () => source.reload() : undefined);
  const folder = openStateFolder(path);
  await putBackLeftovers("server", folder);
  using _lock = holdFolder("server", folder);
  checkNetwork(settings.network);
  checkCongestionControl(settings.congestion);
  checkHooks(settings.hooks);
  const suite = selectCipherSuite(settings.crypto);
  const identity = loadIdentity(`${folder}/server.key`);
  const wanted = chooseNetworks(settings, folder);
  using store = openServerStore(folder);
  const sockets = await openServerSockets(settings);
  const tunnel = await openServerTunnel(settings, wanted);
  const { tun, networks } = tunnel;
  writeServerNote(folder, settings, networks);
  await using _gateway = settings.gateway && await Gateway.open({
    mode: settings.gateway,
    tun: tun.name,
    versions: networks.network6 ? ["ipv4", "ipv6"] : ["ipv4"],
    notePath: `${Deno.realPathSync(folder)}/${GATEWAY_NOTES.server}`,
  });

  await using control = new ServerControl(settings, identity, store, tunnel, sockets);
  using _metrics = settings.metrics &&
    serveMetrics(settings.metrics, () => control.monitor.metrics());
  source.follow((settings) => control.follow(settings));
  using _socket = openControlSocket("server", folder, {
    status: () => control.monitor.status(),
    reload: () => source.reload(),
  });
  releaseStartupMemory();
  announceServer(settings, tunnel, sockets, { identity, ...store });
  log.debug("Records are sealed by {suite}", { suite: suite.name });
  control.begin();
  service.ready(`Serving ${networks.network} on ${tun.name}`);
  using _watchdog = service.watch(() => control.answer());

  const signal = await Promise.race([stop, control.failed]);
  log.info("Stopping on {signal}", { signal });
  service.stopping(endTimeOf(settings.hooks));
  await control.stop();
}
