/** Statuses for tests. */
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { parseIpv6Prefix } from "../../../lib/address/ipv6_prefix.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import type { Peer } from "../../../lib/config/registry.ts";
import { Counters, DropReason, Way } from "../../../lib/session/counters.ts";
import type { PathReport, PeerReport } from "../../../lib/session/report.ts";
import {
  type ClientMoment,
  type ClientStatus,
  clientStatus,
} from "../../../lib/status/client_status.ts";
import {
  type ServerFacts,
  type ServerMoment,
  type ServerStatus,
  serverStatus,
} from "../../../lib/status/server_status.ts";

const TIME = Date.parse("2026-11-30T12:00:00Z");
const NETWORK = parseIpv4Prefix("10.0.0.0/16");

export const FACTS: ServerFacts = {
  version: "1.2.3",
  tun: "simplevpn0",
  mtu: 1500,
  classic: true,
  isolate: false,
  network: NETWORK,
  network6: parseIpv6Prefix("fd00::/64"),
  listening: [
    { carrier: "tcp", address: null, port: 2002 },
    { carrier: "udp", address: null, port: 2002 },
  ],
  maxConnections: 1024,
};

/** @param bytesIn of packets of 100 bytes, one of which was dropped */
export function counters(bytesIn: number, bytesOut: number): Counters {
  const counters = new Counters();
  for (let at = 0; at < bytesIn; at += 100) counters.pass(Way.FromPeers, 100);
  for (let at = 0; at < bytesOut; at += 100) counters.pass(Way.ToPeers, 100);
  if (bytesIn > 0) counters.drop(DropReason.SourceAddress);
  return counters;
}

export function path(change: Partial<PathReport> = {}): PathReport {
  return {
    carrier: "tcp",
    isActive: true,
    remote: "192.0.2.7:40000",
    age: 3_600_000,
    silence: 2_000,
    roundTrip: { time: 1.23456, from: "probe" },
    counts: counters(1_000, 2_000).copy(),
    ...change,
  };
}

export function peerReport(change: Partial<PeerReport> = {}): PeerReport {
  return {
    identity: "pi's key",
    name: "pi",
    address: parseIpv4("10.0.0.2"),
    age: 3_700_000,
    counts: counters(1_500, 2_500).copy(),
    paths: [
      path(),
      path({ carrier: "udp", isActive: false, roundTrip: undefined, silence: 9_000 }),
    ],
    ...change,
  };
}

export function registered(name: string, change: Partial<Peer> = {}): Peer {
  return {
    name,
    publicKey: `${name}'s key`,
    address: undefined,
    routes: [],
    enabled: true,
    isolated: false,
    created: 0,
    ...change,
  };
}

/** A server with pi over two paths, a classic client, and two that are not there. */
export function aServerStatus(change: Partial<ServerMoment> = {}): ServerStatus {
  return serverStatus(FACTS, {
    time: TIME,
    uptime: 7_200_123.4567,
    report: {
      connections: 3,
      peers: [
        peerReport({
          identity: undefined,
          name: undefined,
          address: parseIpv4("10.0.255.254"),
          paths: [path({ remote: "192.0.2.9:1", roundTrip: { time: 0.04, from: "tcp" } })],
        }),
        peerReport(),
      ],
    },
    totals: counters(3_000, 5_000).read(),
    peers: [
      registered("anna", { address: parseIpv4("10.0.0.9") }),
      registered("pi", { routes: [parsePrefix("192.168.7.0/24")] }),
      registered("olaf", { enabled: false }),
    ],
    announced: () => [],
    leftFor: new Map([["anna's key", 300_000]]),
    ...change,
  });
}

export function aClientStatus(change: Partial<ClientMoment> = {}): ClientStatus {
  return clientStatus({
    version: "1.2.3",
    tun: "simplevpn0",
    classic: false,
    server: { host: "vpn.example.org", port: 2002, publicKey: "the server's key" },
  }, {
    time: TIME,
    uptime: 7_200_000,
    report: { age: 3_700_000, paths: peerReport().paths },
    totals: counters(1_500, 2_500).read(),
    told: {
      address: parseIpv4("10.0.0.2"),
      network: NETWORK,
      ipv6: undefined,
      mtu: 1434,
      configuration: undefined,
    },
    reason: "it answered first",
    ...change,
  });
}
