import { OsError } from "../ffi/error.ts";
import {
  type ChangedSetting,
  planUndoing,
  versionsTurnedOn,
  withoutVersions,
} from "../lib/gateway/forwarding_plan.ts";
import { type GatewayNote, parseGatewayNote } from "../lib/gateway/gateway_note.ts";
import { gatewayTables, guardedVersions, notePathIn } from "../lib/gateway/ruleset.ts";
import { readSetting, whereabouts, writeSetting } from "./kernel_settings.ts";
import { log } from "./logging.ts";
import { deleteTable, listTable, tryNft } from "./nft.ts";
import { readStateFile, readTextIfAny, removeIfAny } from "./state_file.ts";

/** Where the two programs keep their notes in a state folder, which they may have in common. */
export const GATEWAY_NOTES = { server: "gateway.json", client: "client-gateway.json" } as const;

/**
 * Undoes what the gateway changed that left a note: one that ends, or one that was killed.
 *
 * @returns whether there was anything to undo
 */
export async function undoGateway(notePath: string): Promise<boolean> {
  const note = readStateFile(notePath, parseGatewayNote);
  const isToDo = note !== undefined && isHere(note);
  if (isToDo) {
    const others = (await guardedTables()).filter(({ name }) => name !== note.table);
    // Whichever ends last puts a version back; another gateway need not be for both.
    const needed = others.flatMap(({ text }) => guardedVersions(text));
    putBack(withoutVersions(note.settings, needed));
    if (versionsTurnedOn(note.settings).some((version) => needed.includes(version))) {
      log.info("Forwarding stays on for another gateway of this machine (table inet {table})", {
        table: others[0]!.name,
      });
    }
    // It comes last, so that nothing is forwarded that was not before.
    if (note.table !== undefined) await deleteTable(note.table);
  }
  removeIfAny(notePath);
  return isToDo;
}

/**
 * What other gateways of this machine changed that still run, or were killed: whichever ends last is to put
 * it back.
 */
export async function inheritedSettings(): Promise<readonly ChangedSetting[]> {
  const notes = (await guardedTables()).flatMap(({ text }) => peekAt(notePathIn(text)!) ?? []);
  const settings = notes.filter(isHere).flatMap(({ settings }) => settings);
  return [...new Map(settings.map((setting) => [setting.name, setting])).values()];
}

/** The note of another program, which may be another user's, and is not to be touched. */
function peekAt(path: string): GatewayNote | undefined {
  try {
    const text = readTextIfAny(path);
    return text === undefined ? undefined : parseGatewayNote(text);
  } catch (error) {
    log.debug("Cannot read {path}: {reason}", { path, reason: (error as Error).message });
    return undefined;
  }
}

/** Nothing is left of an earlier start of the machine, and nothing is here of another namespace. */
function isHere({ bootId, namespace }: GatewayNote): boolean {
  const here = whereabouts();
  return bootId === here.bootId && namespace === here.namespace;
}

/** The tables of gateways that turned forwarding on, or keep it on, with what nft prints of them. */
async function guardedTables(): Promise<{ name: string; text: string }[]> {
  const names = gatewayTables((await tryNft(["list", "tables"]))?.stdout ?? "");
  const tables = await Promise.all(
    names.map(async (name) => ({ name, text: await listTable(name) ?? "" })),
  );
  return tables.filter(({ text }) => notePathIn(text) !== undefined);
}

/** Gives settings the values back that they had. */
function putBack(settings: readonly ChangedSetting[]): void {
  for (const { name, value } of planUndoing(settings, readSetting)) {
    if (readSetting(name) === value) continue;
    log.debug("sysctl -w {name}={value}", { name, value });
    try {
      writeSetting(name, value);
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      log.error("Cannot put /proc/sys/{name} back to {value}: {reason}", {
        name,
        value,
        reason: error.reason,
      });
    }
  }
}
