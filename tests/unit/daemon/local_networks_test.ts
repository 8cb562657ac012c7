import { assert, assertEquals } from "@std/assert";
import { findConflict, type LocalAddress } from "../../../daemon/local_networks.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Ipv4Prefix, parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { parseIpv6 } from "../../../lib/address/ipv6_address.ts";
import { parsePrefix, prefixOf } from "../../../lib/address/prefix.ts";
import { Random } from "../../random.ts";

function local(
  name: string,
  address: string,
  length: number,
): LocalAddress & { address: number; prefix: Ipv4Prefix } {
  const number = parseIpv4(address);
  return { interface: name, address: number, prefix: new Ipv4Prefix(number, length) };
}

Deno.test("findConflict() names the first interface that is in the way", () => {
  const addresses = [
    local("lo", "127.0.0.1", 8),
    local("eth0", "10.0.7.2", 24),
    local("eth1", "10.0.8.2", 24),
  ];
  assertEquals(findConflict(parseIpv4Prefix("10.0.0.0/16"), addresses)?.interface, "eth0");
  assertEquals(findConflict(parseIpv4Prefix("10.0.8.0/24"), addresses)?.interface, "eth1");
  assertEquals(findConflict(parseIpv4Prefix("10.1.0.0/16"), addresses), undefined);
});

Deno.test("findConflict() lets a wide network contain the tunnel's", () => {
  const addresses = [local("eth0", "10.200.0.2", 8)];
  assertEquals(findConflict(parseIpv4Prefix("10.0.0.0/16"), addresses), undefined);
  assertEquals(findConflict(parseIpv4Prefix("10.200.0.0/16"), addresses)?.interface, "eth0");
});

Deno.test("findConflict() agrees with a naive model that looks at every single address", () => {
  const random = new Random(22);
  let conflicts = 0;
  for (let i = 0; i < 5_000; i++) {
    const network = new Ipv4Prefix(
      parseIpv4("10.0.0.0") + random.integer(0, 63),
      random.integer(27, 30),
    );
    const address = `10.0.0.${random.integer(0, 63)}`;
    const eth0 = local("eth0", address, random.integer(24, 32));
    let expected = false;
    for (let to = network.first; to <= network.last; to++) {
      const taken = eth0.prefix.contains(to) && eth0.prefix.length >= network.length;
      if (taken || to === eth0.address) expected = true;
    }
    const found = findConflict(network, [eth0]);
    assertEquals(
      found,
      expected ? eth0 : undefined,
      `${network}, ${address}/${eth0.prefix.length}`,
    );
    if (expected) conflicts++;
  }
  assert(conflicts > 300 && conflicts < 4_000, `${conflicts} conflicts`);
});

Deno.test("findConflict() finds what is in the way of an IPv6 network, and nothing of IPv4", () => {
  const address = parseIpv6("2001:db8:0:7::2");
  const addresses = [
    local("eth0", "10.0.7.2", 24),
    { interface: "eth1", address, prefix: prefixOf(address, 64) },
  ];
  const conflict = (network: string): string | undefined =>
    findConflict(parsePrefix(network), addresses)?.interface;
  assertEquals(conflict("2001:db8::/48"), "eth1");
  assertEquals(conflict("2001:db8:0:7::/64"), "eth1");
  assertEquals(conflict("2001:db8:0:7:1::/80"), undefined);
  assertEquals(conflict("fd00::/64"), undefined);
  assertEquals(conflict("10.0.0.0/16"), "eth0");
});
