/** What a person told a server, checked as a whole. Times are in milliseconds. */
import type { IpAddress } from "../address/ip_address.ts";
import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import type { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import type { Prefix } from "../address/prefix.ts";
import { KEEPALIVE_INTERVAL, MAX_CONNECTIONS, SERVER_TIMEOUT } from "../session/limits.ts";
import type { LivenessTiming } from "../session/liveness.ts";
import type { Arguments } from "./command_line.ts";
import { type CommonSettings, readCommonSettings } from "./common_settings.ts";
import { DEFAULT_MTU, DEFAULT_PORT } from "./defaults.ts";
import { readNetworks } from "./networks.ts";
import {
  absolutePath,
  domainName,
  integer,
  isGiven,
  mtu,
  port,
  read,
  readOperands,
  readText,
  readTold,
} from "./values.ts";

const TIMING: LivenessTiming = { keepalive: KEEPALIVE_INTERVAL, timeout: SERVER_TIMEOUT };

export interface ServerSettings extends CommonSettings {
  port: number;
  /** The address to listen on, as text; all of them if undefined. */
  listen: string | undefined;
  network: Ipv4Prefix;
  /** One that is made at random and kept if "random"; none, and no IPv6 in the tunnel, if undefined. */
  network6: Ipv6Prefix | "random" | undefined;
  maxClients: number;
  isolate: boolean;
  mtu: number;
  /** What clients are told besides their addresses. */
  routes: Prefix[];
  dns: IpAddress[];
  searchDomains: string[];
}

/** Reads and checks a server's settings. @throws {UsageError} that names the option and its value */
export function readServerSettings(args: Arguments): ServerSettings {
  readOperands(args);
  const common = readCommonSettings(args, TIMING);
  return {
    ...common,
    hooks: {
      ...common.hooks,
      onConnect: read(args, "on-connect", absolutePath),
      onDisconnect: read(args, "on-disconnect", absolutePath),
    },
    port: read(args, "port", port) ?? DEFAULT_PORT,
    listen: readText(args, "listen"),
    ...readNetworks(args),
    maxClients: read(args, "max-clients", integer(1, 65_536)) ?? MAX_CONNECTIONS,
    isolate: isGiven(args, "isolate"),
    mtu: read(args, "mtu", mtu) ?? DEFAULT_MTU,
    searchDomains: readTold(args, "search", domainName),
  };
}
