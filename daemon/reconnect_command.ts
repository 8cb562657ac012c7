import { readOperands, readText } from "../lib/config/values.ts";
import type { Arguments } from "../lib/config/command_line.ts";
import { ask } from "./control_request.ts";
import { defaultStateFolder } from "./state_folder.ts";

/** Tells a running client to give up its connection and to begin with the first of its servers. @throws {Failure} */
export async function reconnect(args: Arguments): Promise<void> {
  readOperands(args);
  const folder = readText(args, "state") ?? defaultStateFolder();
  await ask("client", folder, { command: "reconnect" });
}
