import { assertEquals } from "@std/assert";
import {
  droppingChains,
  dropsForwarded,
  foreignNatTables,
  namesDevice,
  waysThrough,
} from "../../../lib/gateway/firewalls.ts";
import { Random } from "../../random.ts";

const CHAINS = `table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain DOCKER-USER {
	}
}
table ip6 filter {
	chain FORWARD {
		type filter hook forward priority filter; policy accept;
	}
}
table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
	}
	chain nat_POSTROUTING {
		type nat hook postrouting priority srcnat + 10; policy accept;
	}
}
`;
const [DOCKER, FIREWALLD] = [
  { family: "ip", table: "filter", chain: "FORWARD" },
  { family: "inet", table: "firewalld", chain: "filter_FORWARD" },
] as const;

Deno.test("droppingChains() are those on the way of forwarded packets that do not let all through", () => {
  assertEquals(droppingChains(CHAINS), [DOCKER, FIREWALLD]);
  assertEquals(droppingChains(""), []);
});

Deno.test("foreignNatTables() are those of other programs that change what leaves", () => {
  const own = CHAINS.replace("firewalld", "simplevpn_simplevpn0");
  assertEquals(foreignNatTables(CHAINS), ["inet firewalld"]);
  assertEquals(foreignNatTables(own), []);
});

Deno.test("droppingChains() makes something or nothing of garbled text", () => {
  const random = new Random(3);
  for (let round = 0; round < 2000; round++) {
    for (const { family, table, chain } of droppingChains(random.garble(CHAINS, "{}\t\n ;a"))) {
      assertEquals([family, table, chain].every((word) => /^\S*$/.test(word)), true);
    }
  }
});

Deno.test("waysThrough() are those of whoever made the chain", () => {
  assertEquals(
    waysThrough(DOCKER, "table ip filter {\n\tchain DOCKER-USER {\n\t}\n}\n", "simplevpn0"),
    "iptables -I DOCKER-USER -i simplevpn0 -j ACCEPT; iptables -I DOCKER-USER -o simplevpn0 -j ACCEPT",
  );
  assertEquals(
    waysThrough(DOCKER, "table ip filter {\n\tchain ufw-user-forward {\n\t}\n}\n", "simplevpn0"),
    "ufw route allow in on simplevpn0; ufw route allow out on simplevpn0",
  );
  assertEquals(
    waysThrough(FIREWALLD, "", "simplevpn0"),
    "firewall-cmd --zone=trusted --add-interface=simplevpn0",
  );
  assertEquals(
    waysThrough({ family: "inet", table: "mine", chain: "fwd" }, "", "simplevpn0"),
    "nft insert rule inet mine fwd iifname simplevpn0 accept; " +
      "nft insert rule inet mine fwd oifname simplevpn0 accept",
  );
});

Deno.test("dropsForwarded() is about the policy, and content with a rule about the device", () => {
  assertEquals(dropsForwarded("-P FORWARD DROP\n", "simplevpn0"), true);
  assertEquals(dropsForwarded("-P FORWARD ACCEPT\n", "simplevpn0"), false);
  assertEquals(
    dropsForwarded("-P FORWARD DROP\n-A FORWARD -i simplevpn0 -j ACCEPT\n", "simplevpn0"),
    false,
  );
});

Deno.test("namesDevice() takes no other device for this one", () => {
  assertEquals(namesDevice('iifname "simplevpn0" accept', "simplevpn0"), true);
  assertEquals(namesDevice('iifname "simplevpn01" accept', "simplevpn0"), false);
});
