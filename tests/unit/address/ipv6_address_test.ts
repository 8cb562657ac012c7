import { assertEquals, assertThrows } from "@std/assert";
import { formatIpv6 } from "../../../lib/address/ipv6_address.ts";
import { Random } from "../../random.ts";

/** The canonical text by the URL standard, which wants RFC 5952 too but has no dotted form. */
function model(bytes: Uint8Array): string {
  const digits = bytes.toHex();
  if (/^0{20}ffff/.test(digits)) return [...bytes.slice(12)].join(".");
  const url = new URL(`http://[${digits.replaceAll(/....(?!$)/g, "$&:")}]`);
  return url.hostname.slice(1, -1);
}

/** The bytes that a text means, expanded group by group. */
function expand(text: string): string {
  const groups = (part: string): string[] => part === "" ? [] : part.split(":");
  const [head, tail] = text.split("::").map(groups);
  const zeros = tail === undefined ? 0 : 8 - head!.length - tail.length;
  return [...head!, ...Array(zeros).fill("0"), ...tail ?? []].map((group) => group.padStart(4, "0"))
    .join("");
}

/** Addresses with runs of zero groups in all sorts of places. */
function address(random: Random): Uint8Array {
  const bytes = random.bytes(16);
  for (let i = 0; i < 16; i += 2) {
    if (random.next() < 0.5) bytes.set([0, random.pick([0, 0, 0, 1])], i);
  }
  return bytes;
}

Deno.test("formatIpv6() gives the examples of RFC 5952", () => {
  const examples: Record<string, string> = {
    "20010db8000000000001000000000001": "2001:db8::1:0:0:1",
    "20010db8000000000000000000000001": "2001:db8::1",
    "20010db8000000010001000100010001": "2001:db8:0:1:1:1:1:1",
    "20010000000000010000000000000001": "2001:0:0:1::1",
    "fe800000000000000000000000000000": "fe80::",
    "00000000000000000000000000000001": "::1",
    "00000000000000000000000000000000": "::",
    "00000000000000000000ffffc0000201": "192.0.2.1",
  };
  for (const [digits, text] of Object.entries(examples)) {
    assertEquals(formatIpv6(Uint8Array.fromHex(digits)), text);
  }
});

Deno.test("formatIpv6() agrees with the URL standard about any address", () => {
  const random = new Random(6);
  for (let i = 0; i < 10_000; i++) {
    const bytes = address(random);
    if (random.next() < 0.1) bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255]);
    assertEquals(formatIpv6(bytes), model(bytes), bytes.toHex());
  }
});

Deno.test("formatIpv6() gives a text that means the same address again", () => {
  const random = new Random(7);
  for (let i = 0; i < 10_000; i++) {
    const bytes = address(random);
    bytes[0] = 0x20;
    assertEquals(expand(formatIpv6(bytes)), bytes.toHex());
  }
});

Deno.test("formatIpv6() reads the bytes where they lie in a larger buffer", () => {
  const buffer = new Uint8Array(40).fill(0xff);
  buffer.fill(0, 9, 25);
  assertEquals(formatIpv6(buffer.subarray(9, 25)), "::");
});

Deno.test("formatIpv6() throws RangeError for any length but 16", () => {
  for (const length of [0, 4, 15, 17]) {
    assertThrows(() => formatIpv6(new Uint8Array(length)), RangeError, `${length}`);
  }
});
