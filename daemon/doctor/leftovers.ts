import { type Finding, warning } from "../../lib/doctor/finding.ts";
import type { ProgramName } from "../control_request.ts";
import { type Leftover, LEFTOVERS } from "../leftovers.ts";
import { deletion, staleRules } from "../routing_rules.ts";

const CHECK = "leftovers";

/** Routing rules that clients left which were killed, whatever their state folder. */
export function checkRules(): Finding[] {
  return staleRules().map(deletion).map((command) =>
    warning(
      CHECK,
      `A routing rule is left of a client that was killed: ${command.replace(" delete", "")}`,
      {
        why: "its TUN device is gone",
        mend:
          `"sudo simplevpn-client cleanup", as does the next start of a client; or "sudo ${command}"`,
      },
    )
  );
}

/**
 * What else a program that was killed left of its changes to this machine.
 *
 * @param isRunning whether one uses the state folder now, whose notes are its own then
 */
export function checkLeftovers(
  program: ProgramName,
  folder: string,
  isRunning: boolean,
): Finding[] {
  if (isRunning) return [];
  return LEFTOVERS[program].flatMap((leftover) => checkNote(program, folder, leftover));
}

function checkNote(program: ProgramName, folder: string, { note, what }: Leftover): Finding[] {
  const path = `${folder}/${note}`;
  if (!exists(path)) return [];
  const named = `${what[0]!.toUpperCase()}${what.slice(1)}`;
  return [
    warning(CHECK, `${named} are still as a ${program} that was killed made them`, {
      why: `its note ${path} is there, and no ${program} is running`,
      mend: `"sudo simplevpn-${program} cleanup", as does the next start`,
    }),
  ];
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
