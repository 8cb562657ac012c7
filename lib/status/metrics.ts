/** What both programs tell a Prometheus server; docs/status.md lists it. */
import { DROP_NAMES } from "../session/counters.ts";
import type { ClientStatus } from "./client_status.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
import { peerLabel, type PeerStatus, type ServerStatus } from "./server_status.ts";
import { type PathStatus, type ProgramStatus, type Traffic, trafficOf } from "./status.ts";

/** Somebody whom a program has, or had, connections with. */
interface MeasuredPeer extends Traffic {
  label: string;
  connected: boolean;
  connectedSince: string | null;
  lastSeen: string | null;
  paths: readonly PathStatus[];
}

export function serverMetrics(status: ServerStatus): MetricFamily[] {
  const { connections, maxConnections, peers } = status;
  return [
    ...programMetrics(status),
    gauge("connections", "Connections, those of strangers included.", [[{}, connections]]),
    gauge("connections_limit", "Connections at the most.", [[{}, maxConnections]]),
    ...peerMetrics(peers.map((peer) => ({ label: peerLabel(peer), ...peer }))),
    gauge("peer_enabled", "Whether the peer may connect.", peers.map(enabledSample)),
  ];
}

/** A client's one peer is its server. */
export function clientMetrics(status: ClientStatus): MetricFamily[] {
  const { server: { host, port }, connected, connectedSince, paths, totals } = status;
  const lastSeen = paths.map((path) => path.lastSeen).toSorted().at(-1) ?? null;
  const label = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return [
    ...programMetrics(status),
    ...peerMetrics([{ label, connected, connectedSince, lastSeen, paths, ...trafficOf(totals) }]),
  ];
}

function programMetrics({ program, version, startedAt, totals }: ProgramStatus): MetricFamily[] {
  const ways = (values: Record<string, number>): Sample[] =>
    Object.entries(values).map(([way, value]) => [{ way }, value]);
  return [
    gauge("info", "The program.", [[{ program, version }, 1]]),
    gauge("start_time_seconds", "When it was started, in seconds since 1970.", [
      [{}, secondsOf(startedAt)],
    ]),
    counter("packets_total", "Packets that passed, by their way.", ways(totals.packets)),
    counter("bytes_total", "Bytes of the packets that passed, by their way.", ways(totals.bytes)),
    counter(
      "dropped_packets_total",
      "Packets dropped, by reason.",
      Object.values(DROP_NAMES).map((reason) => [{ reason }, totals.drops[reason] ?? 0]),
    ),
  ];
}

function peerMetrics(peers: readonly MeasuredPeer[]): MetricFamily[] {
  const each = (value: (peer: MeasuredPeer) => number): Sample[] =>
    peers.map((peer) => [{ peer: peer.label }, value(peer)]);
  const times = (time: (peer: MeasuredPeer) => string | null): Sample[] =>
    peers.flatMap((peer) => {
      const text = time(peer);
      return text === null ? [] : [[{ peer: peer.label }, secondsOf(text)]] as const;
    });
  const connected = peers.filter((peer) => peer.connected);
  const ofConnected = (value: (traffic: Traffic) => number): Sample[] =>
    connected.map((peer) => [{ peer: peer.label }, value(peer)]);
  return [
    gauge("peer_connected", "Whether the peer is connected.", each((it) => Number(it.connected))),
    gauge(
      "peer_connected_since_timestamp_seconds",
      "Since when, in seconds since 1970.",
      times((it) => it.connectedSince),
    ),
    gauge(
      "peer_last_seen_timestamp_seconds",
      "When the peer was heard last, in seconds since 1970.",
      times((it) => it.lastSeen),
    ),
    counter(
      "peer_received_packets_total",
      "Packets from the peer.",
      ofConnected((it) => it.packetsIn),
    ),
    counter(
      "peer_sent_packets_total",
      "Packets to the peer.",
      ofConnected((it) => it.packetsOut),
    ),
    counter(
      "peer_received_bytes_total",
      "Bytes of packets from the peer.",
      ofConnected((it) => it.bytesIn),
    ),
    counter(
      "peer_sent_bytes_total",
      "Bytes of packets to the peer.",
      ofConnected((it) => it.bytesOut),
    ),
    counter(
      "peer_dropped_packets_total",
      "Packets to and from the peer that were dropped, by reason.",
      connected.flatMap(({ label, drops }) =>
        Object.entries(drops).map(([reason, count]): Sample => [{ peer: label, reason }, count])
      ),
    ),
    ...pathMetrics(peers),
  ];
}

function pathMetrics(peers: readonly MeasuredPeer[]): MetricFamily[] {
  const paths = peers.flatMap(({ label, paths }) =>
    paths.map((path) => ({ labels: { peer: label, path: path.carrier }, path }))
  );
  return [
    gauge(
      "peer_path_active",
      "Whether what this end sends to the peer goes by this path.",
      paths.map(({ labels, path }) => [labels, Number(path.active)]),
    ),
    gauge(
      "peer_path_round_trip_seconds",
      "How long it takes there and back by this path.",
      paths.flatMap(({ labels, path: { roundTripMilliseconds: time } }) =>
        time === null ? [] : [[labels, Number((time / 1000).toFixed(6))]] as const
      ),
    ),
    counter(
      "peer_path_received_bytes_total",
      "Bytes of packets from the peer that came by this path.",
      paths.map(({ labels, path }) => [labels, path.bytesIn]),
    ),
    counter(
      "peer_path_sent_bytes_total",
      "Bytes of packets to the peer that went by this path.",
      paths.map(({ labels, path }) => [labels, path.bytesOut]),
    ),
  ];
}

function enabledSample(peer: PeerStatus): Sample {
  return [{ peer: peerLabel(peer) }, Number(peer.enabled)];
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1000;
}

function gauge(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name: `simplevpn_${name}`, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name: `simplevpn_${name}`, type: "counter", help, samples };
}
