/** The text of a file that says what a gateway changed on its machine, so that it can be undone. */
import { parseJson } from "../config/parse_json.ts";
import type { ChangedSetting } from "./forwarding_plan.ts";

export interface GatewayNote {
  /** The kernel's name for the time since it started: after a restart nothing is left to undo. */
  readonly bootId: string;
  /** The kernel's name for the network namespace, such as "net:[4026531840]". */
  readonly namespace: string;
  /** The nftables table that was made, of family inet; undefined if none. */
  readonly table: string | undefined;
  readonly settings: readonly ChangedSetting[];
}

const VERSION = 1;

/** The settings that a gateway changes; any other name is somebody's attempt to have it written. */
const SETTING_NAME =
  /^net\/(ipv4|ipv6)\/conf\/(?!\.{1,2}\/)[^\/\s]{1,15}\/(forwarding|accept_ra|accept_redirects)$/;
const SETTING_VALUE = /^-?[0-9]{1,3}$/;
const TABLE_NAME = /^simplevpn_[A-Za-z0-9_.\/-]{1,15}$/;

export function formatGatewayNote(note: GatewayNote): string {
  return `${JSON.stringify({ version: VERSION, ...note }, null, 2)}\n`;
}

/** @throws {SyntaxError} if the text is no such file's */
export function parseGatewayNote(text: string): GatewayNote {
  const file: unknown = parseJson(text);
  if (!isObject(file) || file.version !== VERSION) {
    throw new SyntaxError(`It is not of version ${VERSION}`);
  }
  const { bootId, namespace, table, settings } = file;
  if (typeof bootId !== "string" || typeof namespace !== "string") {
    throw new SyntaxError("It does not say where it is from");
  }
  if (table !== undefined && !(typeof table === "string" && TABLE_NAME.test(table))) {
    throw new SyntaxError("Its table is none of this program's");
  }
  if (!Array.isArray(settings)) throw new SyntaxError("It has no list of settings");
  return { bootId, namespace, table, settings: settings.map(parseSetting) };
}

function parseSetting(entry: unknown): ChangedSetting {
  if (!isObject(entry)) throw new SyntaxError("A setting is no object");
  const { name, before, after } = entry;
  if (typeof name !== "string" || !SETTING_NAME.test(name)) {
    throw new SyntaxError("A setting's name is none of those that a gateway changes");
  }
  return { name, before: parseValue(before), after: parseValue(after) };
}

function parseValue(value: unknown): string {
  if (typeof value === "string" && SETTING_VALUE.test(value)) return value;
  throw new SyntaxError("A setting's value is no number");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
