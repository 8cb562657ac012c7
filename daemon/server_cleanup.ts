import type { Arguments } from "../lib/config/command_line.ts";
import { readOperands, readText } from "../lib/config/values.ts";
import { GATEWAY_NOTES, undoGateway } from "./gateway_leftovers.ts";
import { holdServerFolder } from "./server_lock.ts";
import { defaultStateFolder, openStateFolder } from "./state_folder.ts";

/** Undoes what a server left on this machine that was killed. @throws {Failure} if one is running */
export async function cleanUpServer(args: Arguments): Promise<void> {
  readOperands(args);
  const folder = openStateFolder(readText(args, "state") ?? defaultStateFolder());
  using _lock = holdServerFolder(folder);
  const wasAny = await undoGateway(`${folder}/${GATEWAY_NOTES.server}`);
  console.error(wasAny ? "Put back what a server had changed" : "There is nothing to put back");
}
