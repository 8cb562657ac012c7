import { assertEquals } from "@std/assert";
import { fault, type Finding, note, ofSeveral, ok, warning } from "../../../lib/doctor/finding.ts";
import { formatFindings, formatJson, summarize } from "../../../lib/doctor/report.ts";

const FINDINGS: readonly Finding[] = [
  ok("tcp", "It works"),
  note("nat", "None"),
  warning("dns", "It is silent", { why: "nobody knows" }),
  fault("port", "It is taken", { why: "by vi", mend: '"kill 1"' }),
];

Deno.test("formatFindings() writes a line for each finding, and why and what to do below it", () => {
  assertEquals(
    formatFindings(FINDINGS),
    `ok       tcp             It works
note     nat             None
warning  dns             It is silent
                         why: nobody knows
FAULT    port            It is taken
                         why: by vi
                         do:  "kill 1"`,
  );
});

Deno.test("formatFindings() and formatJson() let no control character reach a terminal", () => {
  const finding = fault("x", "a\u001b[2Jb", { why: "c\nd", mend: "e\u009b" });
  assertEquals(formatFindings([finding]).split("\n").length, 3);
  for (const text of [formatFindings([finding]), formatJson("x", [finding])]) {
    assertEquals(["\u001b", "\u009b"].filter((character) => text.includes(character)), []);
  }
});

Deno.test("summarize() counts what is wrong", () => {
  assertEquals(summarize(FINDINGS), "1 fault, 1 warning");
  assertEquals(
    summarize(FINDINGS.slice(0, 2)),
    "Nothing is wrong as far as can be told from here",
  );
  assertEquals(summarize([...FINDINGS, ...FINDINGS]), "2 faults, 2 warnings");
});

Deno.test("formatJson() says the same for programs", () => {
  assertEquals(JSON.parse(formatJson("simplevpn-client", FINDINGS)), {
    ...{ version: 1, program: "simplevpn-client", faults: 1 },
    findings: [
      { check: "tcp", level: "ok", what: "It works" },
      { check: "nat", level: "note", what: "None" },
      { check: "dns", level: "warning", what: "It is silent", why: "nobody knows" },
      { check: "port", level: "fault", what: "It is taken", why: "by vi", mend: '"kill 1"' },
    ],
  });
});

Deno.test("ofSeveral() takes nothing of a server for a fault if another one will do", () => {
  const good = [ok("tcp", "It works"), warning("udp", "It is slow", { why: "it is far" })];
  const bad = [ok("server-name", "It is found"), fault("tcp", "No", { why: "w", mend: "m" })];
  assertEquals(ofSeveral([bad, bad]), [...bad, ...bad]);
  assertEquals(ofSeveral([bad]), bad);
  const mild = [bad[0]!, warning("tcp", "No", { why: "w", mend: "m" })];
  assertEquals(ofSeveral([bad, good]), [...mild, ...good]);
});
