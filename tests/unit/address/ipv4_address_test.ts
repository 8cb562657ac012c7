import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  formatIpv4,
  isLoopback,
  isMulticast,
  LIMITED_BROADCAST,
  parseIpv4,
  UNSPECIFIED,
} from "../../../lib/address/ipv4_address.ts";
import { Random } from "../../random.ts";
import { orSyntaxError } from "../or_error.ts";

const OCTETS = Array.from({ length: 256 }, (_, i) => `${i}`);

/** The address that a text means, by looking its parts up in a list of all there are. */
function model(text: string): number | undefined {
  const octets = text.split(".").map((part) => OCTETS.indexOf(part));
  if (octets.length !== 4 || octets.includes(-1)) return undefined;
  return new DataView(Uint8Array.from(octets).buffer).getUint32(0);
}

Deno.test("parseIpv4() reads what formatIpv4() writes", () => {
  const random = new Random(4);
  for (let i = 0; i < 10_000; i++) {
    const address = random.integer(0, 2 ** 32 - 1);
    assertEquals(parseIpv4(formatIpv4(address)), address);
  }
  assertEquals(parseIpv4("0.0.0.0"), UNSPECIFIED);
  assertEquals(parseIpv4("255.255.255.255"), LIMITED_BROADCAST);
  assertEquals(formatIpv4(0xc0a80001), "192.168.0.1");
});

Deno.test("parseIpv4() refuses the forms of inet_aton() and anything around an address", () => {
  const texts = [
    ..."|1|1.2.3|1.2.3.4.5|1.2.3.|.1.2.3|1..2.3|01.2.3.4|1.2.3.00|0x1.2.3.4|256.1.1.1".split("|"),
    ..." 1.2.3.4|1.2.3.4 |1.2.3.4\n|1.2.3.4\0|+1.2.3.4|1.2.3.-4|1e1.2.3.4|1.2.3.1234".split("|"),
    "१.2.3.4",
  ];
  for (const text of texts) assertThrows(() => parseIpv4(text), SyntaxError, `"${text}"`);
});

Deno.test("parseIpv4() agrees with a naive model about garbled addresses", () => {
  const random = new Random(5);
  let valid = 0;
  for (let i = 0; i < 20_000; i++) {
    const text = random.garble(formatIpv4(random.integer(0, 2 ** 32 - 1)), "0123456789.. x-\n");
    const address = orSyntaxError(() => parseIpv4(text));
    assertEquals(address, model(text), `"${text}"`);
    if (address !== undefined) valid++;
  }
  assert(valid > 2_000 && valid < 18_000, `${valid} of the texts were valid`);
});

Deno.test("isMulticast() and isLoopback() know the borders of their blocks", () => {
  const multicast = (text: string): boolean => isMulticast(parseIpv4(text));
  const loopback = (text: string): boolean => isLoopback(parseIpv4(text));
  assertEquals(
    ["223.255.255.255", "224.0.0.0", "239.255.255.255", "240.0.0.0"].map(multicast),
    [false, true, true, false],
  );
  assertEquals(
    ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"].map(loopback),
    [false, true, true, false],
  );
});
