import type { ClientSettings } from "../lib/config/client_settings.ts";
import { isRunning } from "./control_request.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";

/**
 * The folder for the socket by which commands reach this client: its state folder. Classic clients, which
 * keep no state, may share one: then the first of them has the socket.
 */
export async function controlFolder(
  { classic, state, user }: ClientSettings,
): Promise<string | undefined> {
  const folder = state ?? defaultStateFolder(user);
  if (!classic) return folder;
  try {
    if (!await isRunning("client", openStateFolder(folder))) return folder;
    log.info("Another client runs with the state folder {folder}, so this one tells no status", {
      folder,
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.debug("This client tells no status: {reason}", { reason: error.message });
  }
  return undefined;
}
