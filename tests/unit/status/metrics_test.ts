import { assert, assertEquals } from "@std/assert";
import { DROP_NAMES } from "../../../lib/session/counters.ts";
import type { MetricFamily } from "../../../lib/status/exposition.ts";
import { clientMetrics, serverMetrics } from "../../../lib/status/metrics.ts";
import { aClientStatus, aServerStatus } from "./scenes.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const DOCUMENTATION = Deno.readTextFileSync(`${ROOT}docs/status.md`);

/** Values of a metric by its labels' values. */
function values(families: readonly MetricFamily[], name: string): Record<string, number> {
  const { samples } = families.find((family) => family.name === `simplevpn_${name}`)!;
  return Object.fromEntries(
    samples.map(([labels, value]) => [Object.values(labels).join(" "), value]),
  );
}

Deno.test("a server's metrics have what its status says, by peer and by path", () => {
  const metrics = serverMetrics(aServerStatus());
  const classic = "classic 10.0.255.254";
  assertEquals(values(metrics, "info"), { "simplevpn-server 1.2.3": 1 });
  assertEquals(values(metrics, "peer_connected"), { anna: 0, pi: 1, olaf: 0, [classic]: 1 });
  assertEquals(values(metrics, "peer_enabled"), { anna: 1, pi: 1, olaf: 0, [classic]: 1 });
  assertEquals(values(metrics, "peer_received_bytes_total"), { pi: 1500, [classic]: 1500 });
  assertEquals(values(metrics, "peer_sent_packets_total"), { pi: 25, [classic]: 25 });
  assertEquals(values(metrics, "peer_path_active"), {
    "pi tcp": 1,
    "pi udp": 0,
    [`${classic} tcp`]: 1,
  });
  assertEquals(values(metrics, "peer_path_round_trip_seconds"), {
    "pi tcp": 0.001235,
    [`${classic} tcp`]: 0.00004,
  });
  const noon = Date.parse("2026-11-30T12:00:00Z") / 1000;
  assertEquals(values(metrics, "peer_last_seen_timestamp_seconds"), {
    anna: noon - 300,
    pi: noon - 2,
    [classic]: noon - 2,
  });
  const drops = values(metrics, "dropped_packets_total");
  assertEquals(Object.keys(drops), Object.values(DROP_NAMES));
  assertEquals([drops.source_address, drops.no_route], [1, 0]);
});

Deno.test("a client's one peer is its server", () => {
  const metrics = clientMetrics(aClientStatus());
  assertEquals(values(metrics, "peer_connected"), { "vpn.example.org:2002": 1 });
  assertEquals(values(metrics, "peer_received_bytes_total"), { "vpn.example.org:2002": 1500 });
});

Deno.test("no two samples of a metric have the same labels, whatever peers are called", () => {
  const status = aServerStatus();
  // A name may look like an address, but has no space.
  status.peers[0]!.name = "10.0.255.254";
  for (const { name, samples } of serverMetrics(status)) {
    const labels = samples.map(([labels]) => JSON.stringify(labels));
    assertEquals(new Set(labels).size, labels.length, name);
  }
});

const EXISTING = [...serverMetrics(aServerStatus()), ...clientMetrics(aClientStatus())];
const NAMES = new Set(EXISTING.map(({ name }) => name));

Deno.test("counters are named as such, and nothing else is", () => {
  for (const { name, type } of EXISTING) assertEquals(name.endsWith("_total"), type === "counter");
});

/** The metrics that a text names. */
function namesIn(text: string): Set<string> {
  return new Set(text.match(/\bsimplevpn_[a-z_]+/g));
}

Deno.test("docs/status.md lists all metrics, and the reasons of drops", () => {
  assertEquals(namesIn(DOCUMENTATION).symmetricDifference(NAMES), new Set());
  for (const reason of Object.values(DROP_NAMES)) {
    assert(DOCUMENTATION.includes(`| \`${reason}\` `));
  }
});

Deno.test("the dashboard shows metrics and labels that there are", () => {
  const dashboard = JSON.parse(Deno.readTextFileSync(`${ROOT}docs/grafana/simplevpn.json`));
  const panels: { title: string; targets: { expr: string; legendFormat: string }[] }[] =
    dashboard.panels;
  assert(panels.length > 5);
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const [name, ...others] = namesIn(expr);
      assert(NAMES.has(name!) && others.length === 0, `${title}: ${expr}`);
      const known = EXISTING.filter((family) => family.name === name)
        .flatMap(({ samples }) => samples.flatMap(([labels]) => Object.keys(labels)));
      const used = [
        ...legendFormat.matchAll(/\{\{(\w+)\}\}/g),
        ...expr.matchAll(/ by \((\w+)\)/g),
      ].map(([_, label]) => label!);
      for (const label of used) {
        assert([...known, "instance"].includes(label), `${title}: ${label}`);
      }
    }
  }
  assertEquals(namesIn(JSON.stringify(dashboard.templating)), new Set(["simplevpn_info"]));
});

/** The names of all fields in a value. */
function fieldsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fieldsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...fieldsIn(inner)]);
}

Deno.test("docs/status.md explains every field of the JSON", () => {
  for (const field of new Set(fieldsIn([aServerStatus(), aClientStatus()]))) {
    assert(DOCUMENTATION.includes(`\`${field}\``), field);
  }
});
