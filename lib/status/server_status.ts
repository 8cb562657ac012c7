import { formatAddress } from "../address/ip_address.ts";
import { formatIpv4 } from "../address/ipv4_address.ts";
import { Pool } from "../address/pool.ts";
import { addressesBeside, ipv6Beside, type TunnelNetworks } from "../address/tunnel_networks.ts";
import type { Prefix } from "../address/prefix.ts";
import type { Peer } from "../config/registry.ts";
import type { Carrier } from "../protocol/hello.ts";
import { networksInForce, networksNotAllowed } from "../session/announcements.ts";
import { Counters, type CounterValues } from "../session/counters.ts";
import type { PeerReport, ServerReport } from "../session/report.ts";
import {
  before,
  type Moment,
  type PathStatus,
  pathStatus,
  type ProgramStatus,
  rounded,
  STATUS_FORMAT,
  type Traffic,
  trafficOf,
  valuesOf,
} from "./status.ts";

/** Somebody who may connect, or who is connected. */
export interface PeerStatus extends Traffic {
  /** Both null for a classic client. */
  name: string | null;
  publicKey: string | null;
  address: string | null;
  address6: string | null;
  /** Networks behind it that are allowed. */
  routes: string[];
  /** Those that it announces, of them those that are not allowed, and what is in force. */
  announced: string[];
  notAllowed: string[];
  inForce: string[];
  enabled: boolean;
  isolated: boolean;
  connected: boolean;
  connectedSince: string | null;
  /** When something came last, or when the peer left; null if it was not there since the start. */
  lastSeen: string | null;
  paths: PathStatus[];
}

export interface ServerStatus extends ProgramStatus {
  listening: { carrier: Carrier; address: string | null; port: number }[];
  connections: number;
  maxConnections: number;
  peers: PeerStatus[];
}

/** What of a server is the same as long as it runs. */
export interface ServerFacts extends TunnelNetworks {
  version: string;
  tun: string;
  mtu: number;
  classic: boolean;
  isolate: boolean;
  listening: ServerStatus["listening"];
  maxConnections: number;
}

/** What of a server is another thing at every moment. */
export interface ServerMoment extends Moment {
  report: ServerReport;
  totals: CounterValues;
  /** All who are registered. */
  peers: readonly Peer[];
  /** Networks that a peer announces, by its public key. */
  announced(publicKey: string): readonly Prefix[];
  /** Milliseconds since a peer left, by its public key. */
  leftFor: ReadonlyMap<string, number>;
}

/** What tells a peer from all others: its name, which has no space, or a classic client's address. */
export function peerLabel({ name, address }: Pick<PeerStatus, "name" | "address">): string {
  return name ?? `classic ${address}`;
}

export function serverStatus(facts: ServerFacts, moment: ServerMoment): ServerStatus {
  const { network, network6 } = facts;
  const [address, address6] = addressesBeside(Pool.serverAddress(network), facts);
  return {
    format: STATUS_FORMAT,
    program: "simplevpn-server",
    version: facts.version,
    time: before(moment, 0),
    startedAt: before(moment, moment.uptime),
    uptimeSeconds: rounded(moment.uptime / 1000),
    classic: facts.classic,
    interface: facts.tun,
    mtu: facts.mtu,
    address: formatAddress(address!),
    address6: address6 === undefined ? null : formatAddress(address6),
    network: network.toString(),
    network6: network6?.toString() ?? null,
    listening: facts.listening,
    connections: moment.report.connections,
    maxConnections: facts.maxConnections,
    totals: moment.totals,
    peers: peersOf(facts, moment),
  };
}

/** Those registered, in their order, and then classic clients and whoever is just being removed. */
function peersOf(facts: ServerFacts, moment: ServerMoment): PeerStatus[] {
  const { report, peers } = moment;
  const byKey = new Map(report.peers.map((peer) => [peer.identity, peer]));
  const known = new Set<string | undefined>(peers.map(({ publicKey }) => publicKey));
  return [
    ...peers.map((peer) => peerStatus(facts, moment, peer, byKey.get(peer.publicKey))),
    ...report.peers.filter(({ identity }) => !known.has(identity))
      .toSorted((a, b) => a.address - b.address)
      .map((peer) => peerStatus(facts, moment, undefined, peer)),
  ];
}

const NOTHING = new Counters(new ArrayBuffer(Counters.BYTE_LENGTH)).copy();

/** @param peer as it is registered @param report of its session, one of which is there */
function peerStatus(
  facts: ServerFacts,
  moment: ServerMoment,
  peer: Peer | undefined,
  report: PeerReport | undefined,
): PeerStatus {
  const address = report?.address ?? peer?.address;
  const address6 = address === undefined ? undefined : ipv6Beside(address, facts);
  const isClassic = peer === undefined && report?.identity === undefined;
  const publicKey = peer?.publicKey ?? report?.identity ?? null;
  const allowed = peer?.routes ?? [];
  const announced = peer === undefined ? [] : moment.announced(peer.publicKey);
  const silence = report === undefined
    ? moment.leftFor.get(publicKey ?? "")
    : Math.min(report.age, ...report.paths.map(({ silence }) => silence));
  return {
    name: peer?.name ?? report?.name ?? null,
    publicKey,
    address: address === undefined ? null : formatIpv4(address),
    address6: address6 === undefined || isClassic ? null : formatAddress(address6),
    routes: allowed.map(String),
    announced: announced.map(String),
    notAllowed: networksNotAllowed(allowed, announced).map(String),
    inForce: networksInForce(allowed, announced).map(String),
    enabled: peer?.enabled ?? isClassic,
    isolated: facts.isolate || (peer?.isolated ?? false),
    connected: report !== undefined,
    connectedSince: report === undefined ? null : before(moment, report.age),
    lastSeen: silence === undefined ? null : before(moment, silence),
    ...trafficOf(valuesOf(report?.counts ?? NOTHING)),
    paths: report?.paths.map((path) => pathStatus(path, moment)) ?? [],
  };
}
