import { assertEquals } from "@std/assert";
import { nearestName } from "../../../lib/config/nearest_name.ts";

const NAMES = ["port", "network", "no-ipv6", "log-level", "tun", "invite-file", "tcp", "mtu"];

Deno.test("the nearest name is one with a slip or two, another case, or a part of it", () => {
  const meant = {
    prot: "port",
    Port: "port",
    netwrok: "network",
    networks: "network",
    no_ipv6: "no-ipv6",
    loglevel: "log-level",
    LOG_LEVEL: "log-level",
    invite: "invite-file",
    level: "log-level",
  };
  for (const [word, name] of Object.entries(meant)) assertEquals(nearestName(word, NAMES), name);
});

Deno.test("what resembles no name is none", () => {
  for (const word of ["", "x", "o", "frobnicate", "a".repeat(1000), "zz", "network-and-more"]) {
    assertEquals(nearestName(word, NAMES), undefined, word);
  }
  assertEquals(nearestName("port", []), undefined);
});
