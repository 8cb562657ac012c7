import { OsError } from "../ffi/error.ts";
import type { ProgramName } from "./control_request.ts";
import { restoreDns } from "./dns.ts";
import { DNS_NOTE } from "./dns_note.ts";
import { Failure } from "./failure.ts";
import { GATEWAY_NOTES, undoGateway } from "./gateway_leftovers.ts";
import { log } from "./logging.ts";
import { tryHoldFolder } from "./program_lock.ts";
import { readTextIfAny } from "./state_file.ts";

/** A change of the machine that outlives a program which is killed, and that a note tells how to undo. */
export interface Leftover {
  /** The note's name in the program's state folder, where it is for as long as the change. */
  note: string;
  /** What was changed, in the middle of a sentence. */
  what: string;
  /** Undoes it; returns whether there was anything to undo. For whoever holds the folder's lock. */
  undo(folder: string): Promise<boolean>;
}

/** What each program may leave, besides a client's routing rules, which need no note. */
export const LEFTOVERS: Readonly<Record<ProgramName, readonly Leftover[]>> = {
  server: [gatewayOf("server")],
  client: [
    gatewayOf("client"),
    { note: DNS_NOTE, what: "the DNS settings", undo: restoreDns },
  ],
};

/**
 * Undoes what a program that was killed left; from one that runs nothing is taken.
 *
 * @param folder its state folder, which need not be there
 * @returns what was undone
 * @throws {OsError} if the folder's lock cannot be had
 * @throws {Failure} if a note cannot be read
 */
export async function undoIfKilled(program: ProgramName, folder: string): Promise<string[]> {
  const isAny = LEFTOVERS[program].some(({ note }) =>
    readTextIfAny(`${folder}/${note}`) !== undefined
  );
  if (!isAny) return [];
  using lock = tryHoldFolder(program, folder);
  if (lock === undefined) return [];
  const undone: string[] = [];
  for (const { what, undo } of LEFTOVERS[program]) if (await undo(folder)) undone.push(what);
  return undone;
}

/**
 * The same for a program that starts, before it holds the folder itself, if it does; it says so.
 *
 * @throws {Failure}
 */
export async function putBackLeftovers(program: ProgramName, folder: string): Promise<void> {
  if (!canLookInto(folder)) return;
  try {
    for (const what of await undoIfKilled(program, folder)) {
      log.info("Put back what a {program} had changed that was killed: {what}", { program, what });
    }
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(`Cannot put back what a ${program} left that was killed: ${error.message}`);
  }
}

/** What is in another user's folder is not this one's to put back; whoever needs the folder says so. */
function canLookInto(folder: string): boolean {
  try {
    Deno.readDirSync(folder);
    return true;
  } catch {
    return false;
  }
}

function gatewayOf(program: ProgramName): Leftover {
  const note = GATEWAY_NOTES[program];
  const what = "forwarding and its packet filter";
  return { note, what, undo: (folder) => undoGateway(`${folder}/${note}`) };
}
