import { assertEquals } from "@std/assert";
import { closeFd, openFd } from "../../../ffi/fd.ts";
import { libc } from "../../../ffi/libc.ts";
import { cString, NativeBuffer } from "../../../ffi/native_buffer.ts";

Deno.test("NativeBuffer is memory that C writes to, at the address that it says", () => {
  const zeros = openFd(cString("/dev/zero"), 0);
  for (const length of [1, 8, 64, 65536, 1 << 20]) {
    const buffer = new NativeBuffer(length);
    assertEquals(buffer.bytes.every((byte) => byte === 0), true);
    buffer.bytes.fill(0xff);
    const from = Math.floor(length / 2);
    assertEquals(libc.read(zeros, buffer.address + from, length - from), length - from);
    assertEquals(buffer.bytes.indexOf(0), from);
    assertEquals(buffer.bytes.lastIndexOf(0xff), from - 1);
    assertEquals(buffer.view.getUint8(length - 1), 0);
  }
  closeFd(zeros);
});

Deno.test("NativeBuffer stays where it is while others come and go", () => {
  const buffers = Array.from({ length: 1000 }, () => new NativeBuffer(8));
  for (let i = 0; i < 100; i++) new Uint8Array(1 << 20);
  for (const { bytes, address } of buffers) {
    assertEquals(Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))), address);
  }
  assertEquals(new Set(buffers.map(({ address }) => address)).size, 1000);
});

Deno.test("cString() ends in NUL", () => {
  assertEquals([...cString("né")], [0x6e, 0xc3, 0xa9, 0]);
});
