import { assertEquals } from "@std/assert";
import { readNameservers, responseCode, writeRootQuery } from "../../../lib/doctor/dns_message.ts";
import { Random } from "../../random.ts";

/** Response codes (RFC 1035, 4.1.1): there is an answer; there is no such name. */
const RCODE_OK = 0;
const RCODE_NO_NAME = 3;

Deno.test("writeRootQuery() writes a question as RFC 1035 has it", () => {
  const header = "1234010000010000000000" + "00";
  assertEquals(writeRootQuery(0x1234).toHex(), `${header}0000020001`);
});

Deno.test("responseCode() reads the code of an answer, and of nothing else", () => {
  const answer = writeRootQuery(7);
  assertEquals(responseCode(answer, 7), undefined, "it is a question");
  answer[2]! |= 0x80;
  assertEquals(responseCode(answer, 7), RCODE_OK);
  answer[3] = RCODE_NO_NAME;
  assertEquals(responseCode(answer, 7), RCODE_NO_NAME);
  assertEquals(responseCode(answer, 8), undefined, "it answers another question");
  assertEquals(responseCode(answer.subarray(0, 11), 7), undefined, "it is cut off");
});

Deno.test("responseCode() takes any bytes", () => {
  const random = new Random(53);
  for (let round = 0; round < 2000; round++) {
    const bytes = random.bytes(random.integer(0, 40));
    const code = responseCode(bytes, (bytes[0]! << 8 | bytes[1]!) & 0xffff);
    const isAnswer = bytes.length >= 12 && (bytes[2]! & 0x80) !== 0;
    assertEquals(code, isAnswer ? bytes[3]! & 15 : undefined);
  }
});

Deno.test("readNameservers() reads a resolv.conf as the C library does", () => {
  const text = "# nameserver 1.1.1.1\nsearch x\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0 \n";
  assertEquals(readNameservers(text), ["192.0.2.1", "fe80::1%eth0"]);
  assertEquals(readNameservers("nameserver 1\n".repeat(5)).length, 3);
  assertEquals(readNameservers(""), ["127.0.0.1"]);
});
