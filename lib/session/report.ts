/** What a packet worker tells of its connections when it is asked. Times are in milliseconds. */
import type { Carrier } from "../protocol/hello.ts";
import type { PathMeter } from "./path_meter.ts";
import type { Transport } from "./transport.ts";

/** How long a packet takes there and back. */
export interface RoundTrip {
  time: number;
  /** Who measured it: this program, by a Ping and its answer, or the kernel's TCP. */
  from: "probe" | "tcp";
}

/** One connection. */
export interface ConnectionReport {
  /** The other end's outer address and port, as text. */
  remote: string;
  /** For how long the connection has been there. */
  age: number;
  /** For how long nothing has come. */
  silence: number;
  roundTrip: RoundTrip | undefined;
  /** Of Counters. */
  counts: Float64Array<ArrayBuffer>;
}

/** One of the paths by which packets can go to a peer. */
export interface PathReport extends ConnectionReport {
  carrier: Carrier;
  /** Whether what this end sends goes by it. */
  isActive: boolean;
}

/** A client that is connected to a server. */
export interface PeerReport {
  /** Its public key in base64, and its name; a classic client has neither. */
  identity: string | undefined;
  name: string | undefined;
  /** Its inner IPv4 address. */
  address: number;
  age: number;
  /** Of Counters; of all paths that the peer has, and had since it connected. */
  counts: Float64Array<ArrayBuffer>;
  paths: PathReport[];
}

export interface ServerReport {
  peers: PeerReport[];
  /** Connections that there are, those of strangers included. */
  connections: number;
}

export interface ClientReport {
  /** For how long it has been connected; undefined if it is not. */
  age: number | undefined;
  paths: PathReport[];
}

/** Milliseconds for which an answer to a probe is preferred to what the kernel says. */
const PROBE_FRESH = 10_000;

/** The latest round trip that is known of a connection; the meter may have measured long ago, or never. */
export function latestRoundTrip(
  meter: PathMeter | undefined,
  { roundTrip: time }: Transport,
  now: number,
): RoundTrip | undefined {
  const answeredAt = meter?.answeredAt ?? -Infinity;
  if (time !== undefined && now > answeredAt + PROBE_FRESH) return { time, from: "tcp" };
  return answeredAt === -Infinity ? undefined : { time: meter!.roundTrip(now), from: "probe" };
}
