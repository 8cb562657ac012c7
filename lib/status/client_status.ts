import { formatAddress } from "../address/ip_address.ts";
import { formatIpv4 } from "../address/ipv4_address.ts";
import type { Ipv4Prefix } from "../address/ipv4_prefix.ts";
import type { Ipv6Address } from "../address/ipv6_address.ts";
import type { Ipv6Prefix } from "../address/ipv6_prefix.ts";
import { prefixOf } from "../address/prefix.ts";
import type { Configuration } from "../protocol/control.ts";
import type { CounterValues } from "../session/counters.ts";
import type { ClientReport } from "../session/report.ts";
import {
  before,
  type Moment,
  type PathStatus,
  pathStatus,
  type ProgramStatus,
  rounded,
  STATUS_FORMAT,
} from "./status.ts";

export interface ClientStatus extends ProgramStatus {
  server: { host: string; port: number; publicKey: string | null };
  /** As what the server knows this client; null before it was told, and with a classic server. */
  name: string | null;
  connected: boolean;
  connectedSince: string | null;
  /** Why packets go the way they go, or why there is no connection. */
  reason: string;
  routes: string[];
  dns: string[];
  searchDomains: string[];
  paths: PathStatus[];
}

/** What of a client is the same as long as it runs. */
export type ClientFacts =
  & { version: string; tun: string }
  & Pick<ClientStatus, "server" | "classic">;

/** What the server told last, and what of it this machine uses. */
export interface ClientSettingsTold {
  /** The inner IPv4 address. */
  address: number;
  network: Ipv4Prefix;
  ipv6: { address: Ipv6Address; network: Ipv6Prefix } | undefined;
  mtu: number;
  /** A classic server tells nothing but the address. */
  configuration: Configuration | undefined;
}

/** What of a client is another thing at every moment. */
export interface ClientMoment extends Moment {
  report: ClientReport;
  totals: CounterValues;
  /** Undefined before the first connection. */
  told: ClientSettingsTold | undefined;
  reason: string;
}

export function clientStatus(facts: ClientFacts, moment: ClientMoment): ClientStatus {
  const { report, told } = moment;
  return {
    format: STATUS_FORMAT,
    program: "simplevpn-client",
    version: facts.version,
    time: before(moment, 0),
    startedAt: before(moment, moment.uptime),
    uptimeSeconds: rounded(moment.uptime / 1000),
    classic: facts.classic,
    server: facts.server,
    interface: facts.tun,
    ...settingsOf(told),
    connected: report.age !== undefined,
    connectedSince: report.age === undefined ? null : before(moment, report.age),
    reason: moment.reason,
    totals: moment.totals,
    paths: report.paths.map((path) => pathStatus(path, moment)),
  };
}

type ToldStatus = Pick<
  ClientStatus,
  | "name"
  | "address"
  | "address6"
  | "network"
  | "network6"
  | "mtu"
  | "routes"
  | "dns"
  | "searchDomains"
>;

function settingsOf(told: ClientSettingsTold | undefined): ToldStatus {
  const { address, network, ipv6, mtu, configuration } = told ?? {};
  return {
    name: configuration?.name ?? null,
    address: address === undefined ? null : formatIpv4(address),
    address6: ipv6 === undefined ? null : formatAddress(ipv6.address),
    network: network?.toString() ?? null,
    network6: ipv6?.network.toString() ?? null,
    mtu: mtu ?? null,
    // Those of a message are no objects of the class any more.
    routes: configuration?.routes.map(({ first, length }) => `${prefixOf(first, length)}`) ?? [],
    dns: configuration?.dns.map(formatAddress) ?? [],
    searchDomains: configuration?.searchDomains ?? [],
  };
}
