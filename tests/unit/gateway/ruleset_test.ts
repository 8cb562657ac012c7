import { assertEquals } from "@std/assert";
import { interfaceName } from "../../../lib/config/values.ts";
import {
  gatewayTable,
  gatewayTables,
  guardedVersions,
  notePathIn,
  tableName,
} from "../../../lib/gateway/ruleset.ts";

const NOTE = "/var/lib/simplevpn/gateway.json";

Deno.test("gatewayTable() replaces the table and is open where the machine forwarded before", () => {
  const rules = gatewayTable({ tun: "simplevpn0", nat: true, guard: undefined });
  assertEquals(
    rules,
    `table inet simplevpn_simplevpn0
delete table inet simplevpn_simplevpn0
table inet simplevpn_simplevpn0 {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "simplevpn0" accept
    oifname "simplevpn0" ct state established,related accept
    oifname "simplevpn0" drop
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname "simplevpn0" oifname != "simplevpn0" masquerade
  }
}
`,
  );
});

Deno.test("gatewayTable() keeps a machine that did not forward before from forwarding anything else", () => {
  const guard = {
    versions: ["ipv4", "ipv6"] as const,
    forwarding: ["eth1", 'e"'],
    bridges: ["br0", 'b"', "br1"],
    notePath: NOTE,
  };
  const rules = gatewayTable({ tun: "a@b", nat: false, guard });
  assertEquals(
    rules,
    `table inet simplevpn_a/b
delete table inet simplevpn_a/b
table inet simplevpn_a/b {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "a@b" accept
    iifgroup 2002 accept
    oifgroup 2002 accept
    meta nfproto ipv4 iifname { "eth1" } accept
    iifname . oifname { "br0" . "br0", "br1" . "br1" } accept
    meta nfproto { ipv4, ipv6 } drop comment "note: ${NOTE}"
  }
}
`,
  );
});

Deno.test("notePathIn() finds the note of a guard, and that it could not be named", () => {
  const path = (notePath: string): string | undefined =>
    notePathIn(
      gatewayTable({
        tun: "t",
        nat: false,
        guard: { versions: ["ipv4"], forwarding: [], bridges: [], notePath },
      }),
    );
  assertEquals(path(NOTE), NOTE);
  for (const other of ['/a"; flush ruleset', "/a\nb", `/${"a".repeat(200)}`, "/with space"]) {
    assertEquals(path(other), "-");
  }
  assertEquals(notePathIn(gatewayTable({ tun: "t", nat: true, guard: undefined })), undefined);
});

Deno.test("guardedVersions() finds what a guard is for, as nft prints it", () => {
  const of = (versions: string): string[] =>
    guardedVersions(`\t\tmeta nfproto ${versions} drop comment "note: ${NOTE}"\n\t}\n}\n`);
  assertEquals(of("{ ipv4, ipv6 }"), ["ipv4", "ipv6"]);
  assertEquals(of("ipv4"), ["ipv4"]);
  assertEquals(of("{ ipv6 }"), ["ipv6"]);
  assertEquals(guardedVersions("\t\tmeta nfproto ipv4 accept\n"), []);
  assertEquals(guardedVersions(""), []);
});

Deno.test("gatewayTables() are those of family inet that tableName() gave", () => {
  const list = "table ip simplevpn_x\ntable inet simplevpn_a/b\ntable inet filter\n";
  assertEquals(gatewayTables(list), [tableName("a@b")]);
});

Deno.test("tableName() gives each device a name of its own, of what nft takes", () => {
  const names = ["a@b", "a_b", "a-b", "a.b", "-", "@"].map((tun) => tableName(interfaceName(tun)));
  assertEquals(new Set(names).size, names.length);
  for (const name of names) assertEquals(/^[A-Za-z_.][A-Za-z0-9/_.-]*$/.test(name), true, name);
});
