import { assertEquals } from "@std/assert";
import { formatAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { parseIpv6Prefix } from "../../../lib/address/ipv6_prefix.ts";
import {
  addressesBeside,
  hasRoomFor,
  uniqueLocalNetwork,
} from "../../../lib/address/tunnel_networks.ts";

Deno.test("addressesBeside() gives both networks' addresses of one number", () => {
  const beside = (address: string, ipv4: string, ipv6?: string): string[] => {
    const network6 = ipv6 === undefined ? undefined : parseIpv6Prefix(ipv6);
    const networks = { network: parseIpv4Prefix(ipv4), network6 };
    return addressesBeside(parseIpv4(address), networks).map(formatAddress);
  };
  assertEquals(beside("10.0.0.1", "10.0.0.0/16", "fd00::/64"), ["10.0.0.1", "fd00::1"]);
  assertEquals(beside("10.0.1.2", "10.0.0.0/16", "fd00::/64"), ["10.0.1.2", "fd00::102"]);
  assertEquals(beside("10.9.0.6", "10.9.0.4/30", "fd00::4/126"), ["10.9.0.6", "fd00::6"]);
  assertEquals(beside("10.255.255.254", "10.0.0.0/8", "fd00::/64").at(-1), "fd00::ff:fffe");
  assertEquals(beside("10.0.0.1", "10.0.0.0/16"), ["10.0.0.1"]);
  // The address of a peer that is left over from another network.
  assertEquals(beside("10.1.0.1", "10.0.0.0/16", "fd00::/64"), ["10.1.0.1"]);
});

Deno.test("hasRoomFor() compares the bits of hosts", () => {
  const network = parseIpv4Prefix("10.0.0.0/16");
  const rooms = [64, 111, 112, 113].map((length) =>
    hasRoomFor(parseIpv6Prefix(`fd00::/${length}`), network)
  );
  assertEquals(rooms, [true, true, true, false]);
});

Deno.test("uniqueLocalNetwork() is fd, the identifier, and subnet 0", () => {
  const network = uniqueLocalNetwork(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a));
  assertEquals(`${network}`, "fd12:3456:789a::/64");
});
