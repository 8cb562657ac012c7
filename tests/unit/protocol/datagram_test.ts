import { assert, assertEquals } from "@std/assert";
import {
  COOKIE_LENGTH,
  cookieOfInitiation,
  cookieOfReply,
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  datagramIndex,
  DatagramType,
  datagramType,
  hasRightMac,
  macKey,
  messageOfInitiation,
  messageOfResponseDatagram,
  NO_DATAGRAM,
  putCookie,
  serverIndexOf,
  writeCookieReply,
  writeInitiationDatagram,
  writeResponseDatagram,
} from "../../../lib/protocol/datagram.ts";
import {
  dataKeyNumber,
  DataOpener,
  DataSealer,
  Opened,
} from "../../../lib/protocol/datagram_cipher.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import { INITIATION_OVERHEAD, RESPONSE_OVERHEAD } from "../../../lib/protocol/noise.ts";
import { flip } from "../../hex.ts";
import { Random } from "../../random.ts";

const random = new Random(1);
const KEY = macKey(random.bytes(32));
const MOST = 2 ** 25;

/** The bytes somewhere in a buffer. */
function placed(bytes: Uint8Array): [buffer: Uint8Array, offset: number, length: number] {
  const offset = random.integer(0, 9);
  const buffer = random.bytes(offset + bytes.length + 9);
  buffer.set(bytes, offset);
  return [buffer, offset, bytes.length];
}

Deno.test("an initiation is read as it was written, and has its mac also with a cookie", () => {
  const message = random.bytes(INITIATION_OVERHEAD + 64);
  const datagram = writeInitiationDatagram(0xfedcba98, message, KEY);
  assertEquals(datagram.length, 200);
  const cookie = random.bytes(COOKIE_LENGTH);
  putCookie(datagram, cookie);
  const [bytes, offset, length] = placed(datagram);
  assertEquals(datagramType(bytes, offset, length), DatagramType.Initiation);
  assertEquals(datagramIndex(bytes, offset), 0xfedcba98);
  assertEquals(messageOfInitiation(bytes, offset, length), message);
  assertEquals(cookieOfInitiation(bytes, offset, length), cookie);
  assert(hasRightMac(bytes, offset, length, KEY));
  assert(!hasRightMac(bytes, offset, length, macKey(new Uint8Array(32))));
});

Deno.test("an initiation with any bit flipped, those of its cookie aside, has another mac", () => {
  const datagram = writeInitiationDatagram(7, random.bytes(INITIATION_OVERHEAD + 64), KEY);
  const bits = 8 * (datagram.length - COOKIE_LENGTH);
  for (let bit = 0; bit < bits; bit++) {
    assert(!hasRightMac(flip(datagram, bit), 0, datagram.length, KEY), `bit ${bit}`);
  }
});

Deno.test("answers are read as they were written, and are shorter than any initiation", () => {
  const message = random.bytes(RESPONSE_OVERHEAD + 32);
  const response = placed(writeResponseDatagram(1, 0xffffffff, message));
  assertEquals(datagramType(...response), DatagramType.Response);
  assertEquals(datagramIndex(response[0], response[1]), 1);
  assertEquals(serverIndexOf(response[0], response[1]), 0xffffffff);
  assertEquals(messageOfResponseDatagram(...response), message);
  const cookie = random.bytes(COOKIE_LENGTH);
  const reply = placed(writeCookieReply(2, cookie));
  assertEquals(datagramType(...reply), DatagramType.CookieReply);
  assertEquals([datagramIndex(reply[0], reply[1]), cookieOfReply(reply[0], reply[1])], [2, cookie]);
  const least = writeInitiationDatagram(1, random.bytes(INITIATION_OVERHEAD), KEY).length;
  assert(least > response[2] && least > reply[2]);
});

Deno.test("data opens as it was sealed, once, in whatever order it comes", () => {
  const key = random.bytes(32);
  const sealer = new DataSealer(nodeCipher, key, 200, 0x80000001);
  const opener = new DataOpener(nodeCipher, key, 200);
  const batches = Array.from({ length: 50 }, (_, i) => random.bytes(i));
  const datagrams = batches.map((batch) => {
    const bytes = new Uint8Array(batch.length + DATA_OVERHEAD);
    bytes.set(batch, DATA_HEADER_LENGTH);
    assertEquals(sealer.seal(bytes, 0, batch.length), bytes.length);
    return bytes;
  });
  const open = (i: number): [Opened, Uint8Array] => {
    const [bytes, offset, length] = placed(datagrams[i]!);
    assertEquals(datagramType(bytes, offset, length), DatagramType.Data);
    assertEquals([datagramIndex(bytes, offset), dataKeyNumber(bytes, offset)], [0x80000001, 200]);
    const opened = opener.open(bytes, offset, length, MOST);
    const batch = bytes.slice(offset + DATA_HEADER_LENGTH, offset + length - 16);
    return [opened, batch];
  };
  assertEquals(open(20), [Opened.Newest, batches[20]!]);
  for (let i = 0; i < 20; i++) assertEquals(open(i), [Opened.Late, batches[i]!]);
  for (let i = 21; i < 50; i++) assertEquals(open(i), [Opened.Newest, batches[i]!]);
  for (let i = 0; i < 50; i++) assertEquals(open(i)[0], Opened.Replayed);
  assertEquals([sealer.count, opener.count], [50, 50]);
});

Deno.test("data with any bit flipped does not open, and does not move the window", () => {
  const key = random.bytes(32);
  const opener = new DataOpener(nodeCipher, key, 0);
  const datagram = new Uint8Array(20 + DATA_OVERHEAD);
  new DataSealer(nodeCipher, key, 0, 5).seal(datagram, 0, 20);
  for (let bit = 0; bit < 8 * datagram.length; bit++) {
    const opened = opener.open(flip(datagram, bit), 0, datagram.length, MOST);
    assertEquals(opened, Opened.Forged, `bit ${bit}`);
  }
  assertEquals(opener.open(datagram.slice(), 0, datagram.length, 0), Opened.Forged);
  assertEquals(opener.open(datagram, 0, datagram.length, MOST), Opened.Newest);
});

Deno.test("datagramType() takes no rubbish for anything that is read beyond its end", () => {
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = new Random(seed);
    const bytes = random.bytes(random.integer(0, 500));
    if (bytes.length > 4 && random.next() < 0.9) {
      bytes.fill(0, 0, 4);
      bytes[0] = random.integer(0, 6);
    }
    const type = datagramType(bytes, 0, bytes.length);
    if (type === DatagramType.Initiation) {
      assert(bytes.length >= 8 + INITIATION_OVERHEAD + 32 && bytes.length <= 392);
      assert(!hasRightMac(bytes, 0, bytes.length, KEY));
    } else if (type === DatagramType.Response) {
      assert(messageOfResponseDatagram(bytes, 0, bytes.length).length >= RESPONSE_OVERHEAD);
    } else if (type === DatagramType.CookieReply) {
      assertEquals(cookieOfReply(bytes, 0).length, COOKIE_LENGTH);
    } else if (type === DatagramType.Data) {
      assert(bytes.length >= DATA_OVERHEAD);
    } else {
      assertEquals(type, NO_DATAGRAM);
    }
  }
});
