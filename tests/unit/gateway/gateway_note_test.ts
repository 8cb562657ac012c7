import { assertEquals, assertThrows } from "@std/assert";
import {
  formatGatewayNote,
  type GatewayNote,
  parseGatewayNote,
} from "../../../lib/gateway/gateway_note.ts";
import { tableName } from "../../../lib/gateway/ruleset.ts";
import { orSyntaxError } from "../or_error.ts";
import { Random } from "../../random.ts";

const NOTE: GatewayNote = {
  bootId: "6f1c7b8e-9c1e-4f5e-a6a5-54f6c9b0d7a1",
  namespace: "net:[4026531840]",
  table: tableName("my-tun.0"),
  settings: [
    { name: "net/ipv6/conf/eth0.7/accept_ra", before: "1", after: "2" },
    { name: "net/ipv4/conf/all/forwarding", before: "0", after: "1" },
  ],
};

/** The note's text with a part of it replaced. */
function altered(part: string, by: string): string {
  return formatGatewayNote(NOTE).replace(part, by);
}

Deno.test("parseGatewayNote() reads what formatGatewayNote() writes", () => {
  assertEquals(parseGatewayNote(formatGatewayNote(NOTE)), NOTE);
  const other = { ...NOTE, table: undefined, settings: [] };
  assertEquals(parseGatewayNote(formatGatewayNote(other)), other);
  for (const tun of ["simplevpn0", "a@b", "-", "fifteen_letters"]) {
    const table = tableName(tun);
    assertEquals(parseGatewayNote(formatGatewayNote({ ...NOTE, table })).table, table);
  }
});

Deno.test("parseGatewayNote() takes no settings and tables but those that gateways change", () => {
  const names = [
    "kernel/core_pattern",
    "net/ipv4/conf/../forwarding",
    "net/ipv4/conf/all/../forwarding",
    "net/ipv4/conf/all/forwarding/",
    "../../etc/passwd",
    "net/ipv4/conf/a b/forwarding",
  ];
  for (const name of names) {
    const text = altered("net/ipv4/conf/all/forwarding", name);
    assertThrows(() => parseGatewayNote(text), SyntaxError, "name");
  }
  for (const value of ["", "1\\n", "x", "12345"]) {
    assertThrows(() => parseGatewayNote(altered('"2"', `"${value}"`)), SyntaxError, "value");
  }
  for (const table of ["filter", "simplevpn_", "simplevpn_a; flush ruleset", "simplevpn_a\\n"]) {
    assertThrows(() => parseGatewayNote(altered(NOTE.table!, table)), SyntaxError, "table");
  }
  for (const text of ["", "null", "[]", "{}", '{"version":2}']) {
    assertThrows(() => parseGatewayNote(text), SyntaxError);
  }
});

Deno.test("parseGatewayNote() gives a note that can be written, or a SyntaxError, for garbled text", () => {
  const random = new Random(2);
  const text = formatGatewayNote(NOTE);
  let valid = 0;
  for (let round = 0; round < 5000; round++) {
    const note = orSyntaxError(() => parseGatewayNote(random.garble(text, '{}[]",:/.012al-_ \\')));
    if (note === undefined) continue;
    valid++;
    assertEquals(parseGatewayNote(formatGatewayNote(note)), note);
  }
  assertEquals(valid > 100, true);
});
