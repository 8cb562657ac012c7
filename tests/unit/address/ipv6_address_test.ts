import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  formatIpv6,
  ipv6Bytes,
  isIpv6HostOnly,
  isIpv6LinkLocal,
  isIpv6Multicast,
  parseIpv6,
  readIpv6,
} from "../../../lib/address/ipv6_address.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";

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

/** What the URL standard reads, which takes each text that RFC 4291 does. */
function parseModel(text: string): string | undefined {
  if (!/^[0-9A-Fa-f:.]+$/.test(text)) return undefined;
  try {
    return new URL(`http://[${text}]`).hostname;
  } catch {
    return undefined;
  }
}

Deno.test("parseIpv6() reads what formatIpv6() writes, and other forms of it", () => {
  const random = new Random(13);
  for (let i = 0; i < 10_000; i++) {
    const bytes = address(random);
    bytes[0] = 0x20;
    const text = formatIpv6(bytes);
    for (const form of [text, text.toUpperCase(), bytes.toHex().replaceAll(/....(?!$)/g, "$&:")]) {
      assertEquals(ipv6Bytes(parseIpv6(form)), bytes, form);
    }
  }
  assertEquals(parseIpv6("::ffff:192.0.2.1"), [0, 0, 0xffff, 0xc0000201]);
  assertEquals(parseIpv6("1:2:3:4:5:6:192.0.2.1"), [0x10002, 0x30004, 0x50006, 0xc0000201]);
  assertEquals(parseIpv6("::"), [0, 0, 0, 0]);
});

Deno.test("parseIpv6() agrees with the URL standard about garbled addresses", () => {
  const random = new Random(14);
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = address(random);
    const dotted = `::${random.pick(["", "ffff:"])}${bytes.subarray(12).join(".")}`;
    const text = random.garble(random.next() < 0.2 ? dotted : formatIpv6(bytes), "0123abF:.%");
    const parsed = orSyntaxError(() => parseIpv6(text));
    const canonical = parsed && new URL(`http://[${ipv6Hex(ipv6Bytes(parsed))}]`).hostname;
    assertEquals(canonical, parseModel(text), `"${text}"`);
    if (parsed !== undefined) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the texts were valid`);
});

function ipv6Hex(bytes: Uint8Array): string {
  return bytes.toHex().replaceAll(/....(?!$)/g, "$&:");
}

Deno.test("readIpv6() reads the bytes where they lie, and ipv6Bytes() gives them back", () => {
  const bytes = new Random(15).bytes(100);
  for (const at of [0, 1, 7, 84]) {
    assertEquals(ipv6Bytes(readIpv6(bytes, at)), bytes.slice(at, at + 16));
  }
});

Deno.test("What is multicast, link-local, or a host's alone", () => {
  const kinds = (text: string): boolean[] => {
    const bytes = Uint8Array.of(255, ...ipv6Bytes(parseIpv6(text)));
    return [isIpv6Multicast(bytes, 1), isIpv6LinkLocal(bytes, 1), isIpv6HostOnly(bytes, 1)];
  };
  const [multicast, linkLocal, hostOnly] = [0, 1, 2].map((i) => [i === 0, i === 1, i === 2]);
  for (const text of ["ff02::1", "ff00::", "ffff::1"]) assertEquals(kinds(text), multicast);
  for (const text of ["fe80::", "fe80::1", "febf:ffff::"]) assertEquals(kinds(text), linkLocal);
  for (const text of ["::", "::1", "::ffff:10.0.0.1"]) assertEquals(kinds(text), hostOnly);
  for (const text of ["fec0::", "fe7f::", "fd00::", "0:0:0:1::", "2001:db8::1"]) {
    assertEquals(kinds(text), [false, false, false], text);
  }
});
