import { OsError } from "../ffi/error.ts";
import type { Arguments } from "../lib/config/command_line.ts";
import { STATE_OPTIONS } from "../lib/config/common_options.ts";
import { readOperands, readText } from "../lib/config/values.ts";
import type { ProgramName } from "./control_request.ts";
import { Failure } from "./failure.ts";
import { undoIfKilled } from "./leftovers.ts";
import type { Command } from "./program.ts";
import { removeStaleRules } from "./routing_rules.ts";
import { defaultStateFolder } from "./state_folder.ts";

/** What a program that starts does as well, for who does not start one again. */
export function cleanupCommand(program: ProgramName): Command {
  return {
    name: "cleanup",
    usage: "[--state DIR]",
    help: `undo what a ${program} that was killed left behind`,
    options: STATE_OPTIONS,
    run: (args) => cleanUp(program, args),
  };
}

/**
 * Undoes what either program with a state folder left that does not run any more. Returns a line on each
 * thing.
 *
 * @throws {Failure}
 */
export async function cleanUpAll(folder: string): Promise<string[]> {
  return [...await undo("server", folder), ...await undo("client", folder)];
}

async function cleanUp(program: ProgramName, args: Arguments): Promise<void> {
  readOperands(args);
  const done = await undo(program, readText(args, "state") ?? defaultStateFolder());
  if (done.length === 0) console.log("There was nothing to undo");
  for (const line of done) console.log(`Undone: ${line}`);
}

/** @throws {Failure} */
async function undo(program: ProgramName, folder: string): Promise<string[]> {
  try {
    const rules = program === "client" ? removeStaleRules() : [];
    return [...rules, ...await undoIfKilled(program, folder)];
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot undo what was left behind: ${error.reason}: run as root (sudo)`);
  }
}
