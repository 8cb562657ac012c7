import { assertEquals } from "@std/assert";
import { formatAddress, parseAddress } from "../../../lib/address/ip_address.ts";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { type DnsSettings, MAX_SEARCH_DOMAINS, readDns } from "../../../lib/config/dns.ts";

function read(dns: string[], searchDomains: string[], isFullTunnel = false): {
  [Key in keyof DnsSettings | "refused"]: unknown;
} {
  const address = { address: parseIpv4("10.0.0.2"), prefixLength: 16 };
  const told = { dns: dns.map(parseAddress), searchDomains, address };
  const { servers, refused, ...others } = readDns(told, isFullTunnel);
  return { servers: servers.map(formatAddress), refused: refused.map(formatAddress), ...others };
}

Deno.test("readDns() sends names in the domains to the servers, and others where they went", () => {
  assertEquals(read(["10.0.0.1", "fd00::1"], ["Lab.Example", "lab.example", "b"]), {
    servers: ["10.0.0.1", "fd00::1"],
    domains: ["lab.example", "b"],
    all: false,
    refused: [],
  });
});

Deno.test("readDns() sends all names to them if there are no domains, or with a full tunnel", () => {
  assertEquals(read(["10.0.0.1"], []).all, true);
  assertEquals(read(["10.0.0.1"], ["lab.example"], true).all, true);
  assertEquals(read([], []).all, false);
  assertEquals(read([], ["lab.example"], true).all, false);
});

Deno.test("readDns() leaves out what can be no DNS server's address", () => {
  const bad = [
    ...["0.0.0.0", "127.0.0.1", "127.0.0.53", "224.0.0.251", "255.255.255.255", "240.0.0.1"],
    ...["10.0.0.0", "10.0.255.255", "::", "::1", "ff02::fb", "fe80::1", "::ffff:127.0.0.1"],
  ];
  const { servers, refused } = read([...bad, "10.0.0.1"], []);
  assertEquals(servers, ["10.0.0.1"]);
  assertEquals((refused as string[]).length, bad.length);
});

Deno.test("readDns() takes three servers and so many domains at the most", () => {
  const many = Array.from({ length: 64 }, (_, i) => `10.0.1.${i + 1}`);
  const domains = Array.from({ length: 64 }, (_, i) => `d${i}.example`);
  const { servers, domains: taken } = read([...many, ...many], domains);
  assertEquals(servers, many.slice(0, 3));
  assertEquals(taken, domains.slice(0, MAX_SEARCH_DOMAINS));
});

Deno.test("readDns() takes nothing for a domain that is none, nor what a program could take for more", () => {
  const bad = ["", ".", "~.", "a b", "a\nnameserver 6.6.6.6", "-x", "$(id)", "a..b", "ä"];
  assertEquals(read(["10.0.0.1"], [...bad, "ok"]).domains, ["ok"]);
});
