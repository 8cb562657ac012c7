import { assertEquals } from "@std/assert";
import { unchangedFileMappings } from "../../../ffi/mappings.ts";

/** As /proc/PID/smaps has it, less most of its lines. */
function mapping(header: string, anonymous: number): string {
  return [
    header,
    "Size:              38604 kB",
    "Rss:               17384 kB",
    `Anonymous:      ${String(anonymous).padStart(8)} kB`,
    "AnonHugePages:         0 kB",
    "VmFlags: rd mr mw me sd",
    "",
  ].join("\n");
}

const CODE = "558e58fb1000-558e5c475000 r-xp 025b3000 fe:00 9979329      /opt/simplevpn-server";
const CONSTANTS = "558e569fd000-558e58fb0000 r--p 00000000 fe:00 9979329   /opt/simplevpn-server";

Deno.test("unchangedFileMappings() finds code and constants of files", () => {
  assertEquals(unchangedFileMappings(mapping(CONSTANTS, 0) + mapping(CODE, 0)), [
    { start: 0x558e569fd000, length: 0x25b3000 },
    { start: 0x558e58fb1000, length: 0x34c4000 },
  ]);
});

Deno.test("unchangedFileMappings() leaves out relocated constants, which no file has", () => {
  const relocated = mapping(CONSTANTS, 1952);
  assertEquals(unchangedFileMappings(relocated + mapping(CODE, 0)).map(({ start }) => start), [
    0x558e58fb1000,
  ]);
});

for (
  const header of [
    "558e5c65d000-558e5c65e000 rw-p 05c5d000 fe:00 9979329    /opt/simplevpn-server",
    "7f6a44000000-7f6a63dc0000 rwxp 00000000 fe:00 9979329    /opt/simplevpn-server",
    "7f65c2e44000-7f65c2e6a000 r--s 00000000 fe:00 326269     /var/cache/v8_code_cache",
    "7f6ab3939000-7f6ab3a8f000 r--p 00000000 00:00 0 ",
    "7ffd1c5f2000-7ffd1c5f4000 r-xp 00000000 00:00 0          [vdso]",
  ]
) {
  Deno.test(`unchangedFileMappings() leaves out "${header}"`, () => {
    assertEquals(unchangedFileMappings(mapping(header, 0)), []);
  });
}

Deno.test("unchangedFileMappings() leaves out mappings of which nothing is told", () => {
  assertEquals(unchangedFileMappings(`${CODE}\n`), []);
});
