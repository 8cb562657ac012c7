import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { manPage } from "../../../lib/help/man_page.ts";
import { AWKWARD } from "./program.ts";

const LINES = manPage(AWKWARD, "1.2.3").split("\n");

Deno.test("manPage() has the sections of a manual page, in their order, and none that is empty", () => {
  assertEquals(LINES.filter((line) => line.startsWith(".SH")), [
    ".SH NAME",
    ".SH SYNOPSIS",
    ".SH DESCRIPTION",
    ".SH COMMANDS",
    ".SH EXIT STATUS",
    ".SH FILES",
    ".SH EXAMPLES",
    ".SH SEE ALSO",
  ]);
});

Deno.test("manPage() names every option of every command", () => {
  const options = AWKWARD.commands.flatMap(({ options }) => options.map(({ name }) => name));
  for (const name of options) {
    assert(LINES.some((line) => line.includes(`\\fB\\-\\-${name}\\fR`)), name);
  }
});

Deno.test("manPage() lets no text become a request, an escape or a hyphen", () => {
  const page = LINES.join("\n");
  assertStringIncludes(page, "\n\\&.begins like a request\n");
  assertStringIncludes(page, "\nhas \\efBbackslashes\\efR and \\-\\- dashes\n");
  assertStringIncludes(page, "\\e \\(dq2002\\(dq.");
});
