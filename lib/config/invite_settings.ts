/** What a person told the server's command "invite", checked. Times are in milliseconds. */
import type { Prefix } from "../address/prefix.ts";
import type { Arguments } from "./command_line.ts";
import { DEFAULT_EXPIRY } from "./defaults.ts";
import { hostIpv4, routedNetwork } from "./networks.ts";
import {
  duration,
  host,
  isGiven,
  peerName,
  port,
  read,
  readAll,
  readOperands,
  readText,
} from "./values.ts";

export interface InviteSettings {
  name: string;
  address: number | undefined;
  routes: Prefix[];
  /** How long the invite can be used. */
  expires: number;
  host: string | undefined;
  port: number | undefined;
  qr: boolean;
  revoke: boolean;
  state: string | undefined;
}

/** Reads and checks what is to be done about an invite. @throws {UsageError} */
export function readInviteSettings(args: Arguments): InviteSettings {
  const [name] = readOperands(args, "The NAME of whoever is invited");
  return {
    name: peerName(name!),
    address: read(args, "address", hostIpv4),
    routes: readAll(args, "route", routedNetwork),
    expires: read(args, "expires", duration) ?? duration(DEFAULT_EXPIRY),
    host: read(args, "host", host),
    port: read(args, "port", port),
    qr: !isGiven(args, "no-qr"),
    revoke: isGiven(args, "revoke"),
    state: readText(args, "state"),
  };
}
