/** What the programs tell of themselves, as `status --json` prints it; docs/status.md says what each means. */
import { Counters, type CounterValues } from "../session/counters.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { PathReport, RoundTrip } from "../session/report.ts";

/** Changes when a field changes its name or meaning, not when there are more of them. */
export const STATUS_FORMAT = 1;

/** Packets between this end and the other one. Bytes are those of the inner packets. */
export interface Traffic {
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  /** By reason; those without any are left out. */
  drops: Record<string, number>;
}

/** One connection. Times are as in RFC 3339, in UTC. */
export interface PathStatus extends Traffic {
  carrier: Carrier;
  active: boolean;
  remote: string;
  connectedSince: string;
  lastSeen: string;
  roundTripMilliseconds: number | null;
  roundTripFrom: RoundTrip["from"] | null;
}

/** What is common to both programs. */
export interface ProgramStatus {
  format: number;
  program: string;
  version: string;
  time: string;
  startedAt: string;
  uptimeSeconds: number;
  classic: boolean;
  interface: string;
  mtu: number | null;
  address: string | null;
  address6: string | null;
  network: string | null;
  network6: string | null;
  totals: CounterValues;
}

/** Where and when a status is taken. Times are in milliseconds. */
export interface Moment {
  /** Since 1970. */
  time: number;
  /** Since the program was started. */
  uptime: number;
}

/** To three digits behind the point: thousandths of a millisecond are nothing that a clock can tell. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A time so many milliseconds before the moment. */
export function before({ time }: Moment, age: number): string {
  return new Date(time - age).toISOString();
}

/** The values of Counters that were copied. */
export function valuesOf(counts: Float64Array<ArrayBuffer>): CounterValues {
  return new Counters(counts.buffer).read();
}

export function trafficOf({ packets, bytes, drops }: CounterValues): Traffic {
  return {
    packetsIn: packets.from_peers!,
    packetsOut: packets.to_peers!,
    bytesIn: bytes.from_peers!,
    bytesOut: bytes.to_peers!,
    drops,
  };
}

export function pathStatus(report: PathReport, moment: Moment): PathStatus {
  const { carrier, isActive, remote, age, silence, roundTrip, counts } = report;
  return {
    carrier,
    active: isActive,
    remote,
    connectedSince: before(moment, age),
    lastSeen: before(moment, silence),
    roundTripMilliseconds: roundTrip === undefined ? null : rounded(roundTrip.time),
    roundTripFrom: roundTrip?.from ?? null,
    ...trafficOf(valuesOf(counts)),
  };
}
