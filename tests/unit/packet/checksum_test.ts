import { assertEquals } from "@std/assert";
import { addSum, complement, finishChecksum, readUint16 } from "../../../lib/packet/checksum.ts";
import { Random } from "../../random.ts";
import { sum } from "./offload_packets.ts";

Deno.test("addSum() gives the sum of RFC 1071's example", () => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  assertEquals(addSum(bytes, 0, 8), 0xddf2);
  assertEquals(complement(0xddf2), 0x220d);
});

Deno.test("addSum() does what a naive sum does, at any offset and length", () => {
  const random = new Random(1);
  for (let i = 0; i < 500; i++) {
    const bytes = random.bytes(random.integer(0, 3000));
    const offset = random.integer(0, bytes.length);
    const length = random.integer(0, bytes.length - offset);
    assertEquals(addSum(bytes, offset, length), sum(bytes.subarray(offset, offset + length)));
  }
});

Deno.test("addSum() holds the longest packet of all ones", () => {
  assertEquals(
    addSum(new Uint8Array(65_535).fill(255), 0, 65_535),
    sum(new Uint8Array(65_535).fill(255)),
  );
});

Deno.test("finishChecksum() never leaves 0, which means none in UDP", () => {
  const bytes = Uint8Array.of(0xff, 0xff, 0, 0);
  finishChecksum(bytes, 0, 4, 2);
  assertEquals(readUint16(bytes, 2), 0xffff);
});
