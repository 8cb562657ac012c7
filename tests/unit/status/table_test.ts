import { assert, assertEquals, assertMatch } from "@std/assert";
import { clientText, serverText, type StatusText } from "../../../lib/status/table.ts";
import { parsePrefix, type Prefix } from "../../../lib/address/prefix.ts";
import { aClientStatus, aServerStatus, counters, path, peerReport } from "./scenes.ts";

/** Cells of a row by their headings, empty ones left out. */
function cells({ rows: [headings, ...rows] }: StatusText): Record<string, string>[] {
  return rows.map((row) => {
    assertEquals(row.length, headings!.length);
    return Object.fromEntries(headings!.map((name, i) => [name, row[i]!]).filter(([_, it]) => it));
  });
}

Deno.test("a server's table has a row for each path, and peers that are not there as well", () => {
  const text = serverText(aServerStatus());
  const [IN, OUT] = ["1.0 kB", "2.0 kB"];
  const common = { SINCE: "1 h 0 min", IN, OUT };
  assertEquals(cells(text), [
    { PEER: "anna", ADDRESS: "10.0.0.9", PATH: "not connected", HEARD: "5 min ago" },
    { ADDRESS: "fd00::9" },
    {
      PEER: "pi",
      ADDRESS: "10.0.0.2",
      PATH: "TCP *",
      REMOTE: "192.0.2.7:40000",
      HEARD: "2 s ago",
      "ROUND TRIP": "1.2 ms",
      DROPPED: "1 source_address",
      ...common,
    },
    {
      ADDRESS: "fd00::2",
      PATH: "UDP",
      REMOTE: "192.0.2.7:40000",
      HEARD: "9 s ago",
      ...common,
    },
    { PEER: "olaf", PATH: "disabled" },
    {
      PEER: "(classic)",
      ADDRESS: "10.0.255.254",
      PATH: "TCP",
      REMOTE: "192.0.2.9:1",
      HEARD: "2 s ago",
      "ROUND TRIP": "0.04 ms (kernel)",
      DROPPED: "1 source_address",
      ...common,
    },
  ]);
  assertEquals(text.above, [
    "simplevpn-server 1.2.3, up 2 h 0 min: 10.0.0.1 and fd00::1 in 10.0.0.0/16 and fd00::/64 on " +
    "simplevpn0, MTU 1500",
    "Listening on TCP port 2002 of all addresses, UDP port 2002 of all addresses",
    "Connected: 1 of 3 peers, classic clients: 1; connections: 3 of 1024 at the most",
  ]);
  assertEquals(text.below, [
    "* what this end sends goes by this path",
    "In: 30 packets, 3.0 kB by the tunnel, 0 packets, 0 B from the TUN device",
    "Out: 50 packets, 5.0 kB by the tunnel, 0 packets, 0 B to the TUN device",
    "Dropped: 1 source_address",
  ]);
});

Deno.test("rates are of the time since the status before, by connection", () => {
  const before = aServerStatus();
  const grown = peerReport({
    paths: [path({ counts: counters(2_000, 2_000).copy() }), path({ carrier: "udp" })],
  });
  const report = { connections: 1, peers: [grown] };
  const after = aServerStatus({ report, uptime: 7_202_123.4567 });
  const rates = cells(serverText(after, before)).slice(2, 4).map((row) => [
    row["IN NOW"],
    row["OUT NOW"],
  ]);
  assertEquals(rates, [["4.0 kbit/s", "0 bit/s"], ["0 bit/s", "0 bit/s"]]);
  // One that was made anew has fewer bytes than the one before: all of them are new.
  const anew = { ...before, uptimeSeconds: before.uptimeSeconds - 1 };
  anew.peers = before.peers.map((peer) => ({
    ...peer,
    paths: peer.paths.map((path) => ({ ...path, bytesIn: 1e9 })),
  }));
  assertEquals(cells(serverText(before, anew))[2]!["IN NOW"], "8.0 kbit/s");
  // The program was started anew meanwhile.
  assertEquals(cells(serverText(before, after))[2]!["IN NOW"], undefined);
});

Deno.test("a server without peers has no table", () => {
  const report = { connections: 0, peers: [] };
  assertEquals(serverText(aServerStatus({ report, peers: [] })).rows, []);
});

Deno.test("a client's table has its paths, and lines say whether it is connected, and why", () => {
  const text = clientText(aClientStatus());
  assertEquals(cells(text).map(({ PATH }) => PATH), ["TCP *", "UDP"]);
  assertEquals(text.above, [
    "simplevpn-client 1.2.3, up 2 h 0 min: 10.0.0.2 in 10.0.0.0/16 on simplevpn0, MTU 1434",
    "Connected to vpn.example.org port 2002 for 1 h 1 min, sending over TCP: it answered first",
  ]);
  const report = { age: undefined, paths: [] };
  const away = clientText(aClientStatus({ report, told: undefined, reason: "no answer\x1b[2J" }));
  assertEquals(away.rows, []);
  assertEquals(away.above, [
    "simplevpn-client 1.2.3, up 2 h 0 min: no address yet on simplevpn0",
    "Not connected to vpn.example.org port 2002: no answer?[2J",
  ]);
});

Deno.test("nothing in a table makes a terminal do anything but show it", () => {
  const evil = path({ remote: "\x1b]0;x\x07\u202e" });
  const report = { connections: 1, peers: [peerReport({ name: "\x9b2J", paths: [evil] })] };
  const { above, rows, below } = serverText(aServerStatus({ report, peers: [] }));
  const text = JSON.stringify([above, rows.flat(), below]);
  assert(/^[ -~]*$/.test(text) && !text.includes("\\u"), text);
});

Deno.test("a peer that announces what it may not have is named, with the command that allows it", () => {
  const networks = ["192.168.7.0/25", "192.168.8.0/24"].map(parsePrefix);
  const announced = (key: string): Prefix[] => key === "pi's key" ? networks : [];
  const status = aServerStatus({ announced });
  const pi = status.peers.find(({ name }) => name === "pi")!;
  assertEquals(pi.announced, ["192.168.7.0/25", "192.168.8.0/24"]);
  assertEquals(pi.inForce, ["192.168.7.0/25"]);
  assertEquals(
    serverText(status).below[0],
    "pi announces 192.168.8.0/24, not allowed; this allows it: simplevpn-server peers set pi " +
      "--route 192.168.7.0/24 --route 192.168.8.0/24",
  );
  assertMatch(serverText(status, undefined, "/srv/vpn").below[0]!, /\/24 --state \/srv\/vpn$/);
});
