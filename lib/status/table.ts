/** Statuses as people read them: lines above, a table, and lines below. */
import { allowCommand } from "../session/announcements.ts";
import type { ClientStatus } from "./client_status.ts";
import {
  formatDrops,
  formatMilliseconds,
  formatQuantity,
  formatTime,
  printable,
} from "./format.ts";
import { peerLabel, type PeerStatus, type ServerStatus } from "./server_status.ts";
import type { PathStatus, ProgramStatus, Traffic } from "./status.ts";

export interface StatusText {
  above: string[];
  /** Rows of cells, as many in each; the first are headings. None if there is nothing to tell. */
  rows: string[][];
  below: string[];
}

const PATH_HEADINGS = ["PATH", "REMOTE", "SINCE", "HEARD", "ROUND TRIP"];
const TRAFFIC_HEADINGS = ["IN", "OUT", "IN NOW", "OUT NOW", "DROPPED"];

/**
 * @param earlier a status of the same server from a while before, from which rates are computed
 * @param state the folder that commands are to be told, if it is not the default
 */
export function serverText(
  status: ServerStatus,
  earlier?: ServerStatus,
  state?: string,
): StatusText {
  const { peers, connections, maxConnections, listening } = status;
  const registered = peers.filter(({ name }) => name !== null);
  const connected = registered.filter((peer) => peer.connected).length;
  const classic = peers.length - registered.length;
  const rows = peers.flatMap((peer) => peerRows(peer, status, earlier));
  return printableText({
    above: [
      heading(status),
      `Listening on ${
        listening.map(({ carrier, address, port }) =>
          `${carrier.toUpperCase()} port ${port} of ${address ?? "all addresses"}`
        ).join(", ")
      }`,
      `Connected: ${connected} of ${registered.length} peers` +
      `${classic > 0 ? `, classic clients: ${classic}` : ""}` +
      `; connections: ${connections} of ${maxConnections} at the most`,
    ],
    rows: rows.length === 0
      ? []
      : [["PEER", "ADDRESS", ...PATH_HEADINGS, ...TRAFFIC_HEADINGS], ...rows],
    below: [
      ...peers.flatMap((peer) => unallowedLines(peer, state)),
      ...below(status, peers.flatMap(({ paths }) => paths)),
    ],
  });
}

/** What a peer announces and may not have, and what to do. */
function unallowedLines(
  { name, routes, notAllowed }: PeerStatus,
  state?: string,
): string[] {
  if (name === null || notAllowed.length === 0) return [];
  const command = allowCommand(name, routes, notAllowed, state);
  return [`${name} announces ${notAllowed.join(" and ")}, not allowed; this allows it: ${command}`];
}

/** @see {serverText} */
export function clientText(status: ClientStatus, earlier?: ClientStatus): StatusText {
  const { server: { host, port }, connectedSince, time, paths, routes, dns, searchDomains } =
    status;
  const carrier = paths.find(({ active }) => active)?.carrier.toUpperCase();
  const state = connectedSince === null
    ? `Not connected to ${host} port ${port}`
    : `Connected to ${host} port ${port} for ${formatTime(between(connectedSince, time))}, ` +
      `sending over ${carrier}`;
  const seconds = elapsed(status, earlier);
  const rows = paths.map((path) => [
    ...pathCells(path, time, paths.length > 1),
    ...trafficCells(path, earlier?.paths.find(({ carrier }) => carrier === path.carrier), seconds),
  ]);
  return printableText({
    above: [
      heading(status),
      ...status.name === null ? [] : [`The server knows this machine as ${status.name}`],
      `${state}: ${status.reason}`,
      ...routes.length > 0 ? [`Networks behind the server: ${routes.join(", ")}`] : [],
      ...dns.length > 0 ? [`DNS: ${[...dns, ...searchDomains].join(", ")}`] : [],
    ],
    rows: rows.length === 0 ? [] : [[...PATH_HEADINGS, ...TRAFFIC_HEADINGS], ...rows],
    below: below(status, paths),
  });
}

/** A row for each path or address of a peer, whichever are more. */
function peerRows(
  peer: PeerStatus,
  { time, ...status }: ServerStatus,
  earlier: ServerStatus | undefined,
): string[][] {
  const addresses = [peer.address, peer.address6].filter((address) => address !== null);
  const before = earlier?.peers.find((other) => peerLabel(other) === peerLabel(peer));
  const seconds = elapsed({ time, ...status }, earlier);
  const { paths } = peer;
  return Array.from({ length: Math.max(1, paths.length, addresses.length) }, (_, i) => {
    const path = paths[i];
    const known = before?.paths.find(({ carrier }) => carrier === path?.carrier);
    const cells = path === undefined
      ? absentCells(peer, time, i)
      : [...pathCells(path, time, paths.length > 1), ...trafficCells(path, known, seconds)];
    // What was dropped before a path was known, or of one that is gone, is the peer's alone.
    if (i === 0 && path !== undefined) cells.splice(-1, 1, formatDrops(peer.drops));
    if (i > 0) cells.splice(-1, 1, "");
    return [i === 0 ? peer.name ?? "(classic)" : "", addresses[i] ?? "", ...cells];
  });
}

/** The cells of a row of a peer that has no path, or no other. */
function absentCells(
  { connected, enabled, lastSeen }: PeerStatus,
  time: string,
  row: number,
): string[] {
  const empty = [...PATH_HEADINGS, ...TRAFFIC_HEADINGS].map(() => "");
  if (connected || row > 0) return empty;
  const heard = lastSeen === null ? "" : `${formatTime(between(lastSeen, time))} ago`;
  const cells = [enabled ? "not connected" : "disabled", "", "", heard];
  return [...cells, ...empty.slice(cells.length)];
}

/** @param isMarked whether to mark the path that is sent over, since there are others */
function pathCells(path: PathStatus, time: string, isMarked: boolean): string[] {
  const {
    carrier,
    active,
    remote,
    connectedSince,
    lastSeen,
    roundTripMilliseconds,
    roundTripFrom,
  } = path;
  return [
    `${carrier.toUpperCase()}${isMarked && active ? " *" : ""}`,
    remote,
    formatTime(between(connectedSince, time)),
    `${formatTime(between(lastSeen, time))} ago`,
    roundTripMilliseconds === null
      ? ""
      : `${formatMilliseconds(roundTripMilliseconds)}${roundTripFrom === "tcp" ? " (kernel)" : ""}`,
  ];
}

function trafficCells(
  { bytesIn, bytesOut, drops }: Traffic,
  before: Traffic | undefined,
  seconds: number,
): string[] {
  return [
    formatQuantity(bytesIn, "B"),
    formatQuantity(bytesOut, "B"),
    formatRate(bytesIn, before?.bytesIn, seconds),
    formatRate(bytesOut, before?.bytesOut, seconds),
    formatDrops(drops),
  ];
}

/** @param before undefined, or more than now, if the connection was not there before */
function formatRate(bytes: number, before: number | undefined, seconds: number): string {
  if (seconds === 0) return "";
  const grown = before === undefined || before > bytes ? bytes : bytes - before;
  return formatQuantity(8 * grown / seconds, "bit/s");
}

function heading(status: ProgramStatus): string {
  const { program, version, uptimeSeconds, mtu } = status;
  const addresses = [status.address, status.address6].filter((address) => address !== null);
  const networks = [status.network, status.network6].filter((network) => network !== null);
  const where = addresses.length === 0
    ? `no address yet on ${status.interface}`
    : `${addresses.join(" and ")} in ${networks.join(" and ")} on ${status.interface}`;
  const size = mtu === null ? "" : `, MTU ${mtu}`;
  return `${program} ${version}, up ${formatTime(uptimeSeconds)}: ${where}${size}`;
}

function below(
  { totals: { packets, bytes, drops } }: ProgramStatus,
  paths: PathStatus[],
): string[] {
  const way = (name: string): string =>
    `${packets[name] ?? 0} packets, ${formatQuantity(bytes[name] ?? 0, "B")}`;
  const isMarked = paths.some(({ active }) => !active);
  return [
    ...isMarked ? ["* what this end sends goes by this path"] : [],
    `In: ${way("from_peers")} by the tunnel, ${way("from_tun")} from the TUN device`,
    `Out: ${way("to_peers")} by the tunnel, ${way("to_tun")} to the TUN device`,
    `Dropped: ${formatDrops(drops)}`,
  ];
}

/** Seconds from one time to another. */
function between(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** Seconds between two statuses of one run of a program; 0 if there are not two. */
function elapsed(status: ProgramStatus, earlier: ProgramStatus | undefined): number {
  return Math.max(0, status.uptimeSeconds - (earlier?.uptimeSeconds ?? Infinity));
}

function printableText({ above, rows, below }: StatusText): StatusText {
  return {
    above: above.map(printable),
    rows: rows.map((row) => row.map(printable)),
    below: below.map(printable),
  };
}
