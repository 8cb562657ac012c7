import { OsError } from "../ffi/error.ts";
import { type Arguments } from "../lib/config/command_line.ts";
import { STATE_OPTIONS } from "../lib/config/common_options.ts";
import { readOperands, readText } from "../lib/config/values.ts";
import { undoKilledDns } from "./dns.ts";
import { Failure } from "./failure.ts";
import type { Command } from "./program.ts";
import { undoKilledClient } from "./gateway_leftovers.ts";
import { removeStaleRules } from "./routing_rules.ts";
import { defaultStateFolder } from "./state_folder.ts";

/**
 * Undoes one kind of what a program that was killed may have left, and nothing of one that runs.
 *
 * @param folder the program's state folder, which need not be there
 * @returns a line for a person on each thing that it did
 */
export type CleanupStep = (folder: string) => string[] | Promise<string[]>;

const STEPS: readonly CleanupStep[] = [
  removeStaleRules,
  undoKilledClient,
  undoKilledDns,
];

/** What a client that starts does as well, for who does not start one again. */
export const CLEANUP_COMMAND: Command = {
  name: "cleanup",
  usage: "[--state DIR]",
  help: "undo what a client that was killed left behind",
  options: STATE_OPTIONS,
  run: cleanUp,
};

async function cleanUp(args: Arguments): Promise<void> {
  readOperands(args);
  const folder = readText(args, "state") ?? defaultStateFolder();
  const done: string[] = [];
  for (const step of STEPS) done.push(...await attempt(step, folder));
  if (done.length === 0) console.log("There was nothing to undo");
  for (const line of done) console.log(`Undone: ${line}`);
}

/** @throws {Failure} */
async function attempt(step: CleanupStep, folder: string): Promise<string[]> {
  try {
    return await step(folder);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot undo what was left behind: ${error.reason}: run as root (sudo)`);
  }
}
