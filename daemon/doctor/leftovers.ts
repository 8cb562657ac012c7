import { type Finding, warning } from "../../lib/doctor/finding.ts";
import { DnsNoteFile } from "../dns_note.ts";
import { GATEWAY_NOTES } from "../gateway_leftovers.ts";
import { deletion, staleRules } from "../routing_rules.ts";

const LEFTOVERS = "leftovers";

/**
 * What clients that were killed left of their changes to this machine.
 *
 * @param isRunning whether a client uses the state folder now, whose notes are its own then
 */
export function checkClientLeftovers(folder: string, isRunning: boolean): Finding[] {
  const rules = staleRules().map(deletion).map((command) =>
    warning(
      LEFTOVERS,
      `A routing rule is left of a client that was killed: ${command.replace(" delete", "")}`,
      {
        why: "its TUN device is gone",
        mend:
          `"sudo simplevpn-client cleanup", as does the next start of a client; or "sudo ${command}"`,
      },
    )
  );
  if (isRunning) return rules;
  const gateway = `${folder}/${GATEWAY_NOTES.client}`;
  return [
    ...rules,
    ...checkNote(new DnsNoteFile(folder).path, "The DNS settings", "client"),
    ...checkNote(gateway, "Forwarding and its packet filter", "client"),
  ];
}

/** The same of a server. @see {checkClientLeftovers} */
export function checkServerLeftovers(folder: string, isRunning: boolean): Finding[] {
  if (isRunning) return [];
  const gateway = `${folder}/${GATEWAY_NOTES.server}`;
  return checkNote(gateway, "Forwarding and its packet filter", "server");
}

/** A note lasts as long as what it tells of. */
function checkNote(path: string, what: string, program: string): Finding[] {
  if (!exists(path)) return [];
  return [
    warning(LEFTOVERS, `${what} are still as a ${program} that was killed made them`, {
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
