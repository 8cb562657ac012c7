import { assertEquals } from "@std/assert";
import {
  formatResolvConf,
  joinResolvConf,
  parseResolvConf,
  type ResolvConf,
} from "../../../lib/config/resolv_conf.ts";
import { Random } from "../../random.ts";

Deno.test("parseResolvConf() reads what resolv.conf(5) tells of", () => {
  const text = "# comment\n; another\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0  # behind\n" +
    "domain old.example more\nsearch a.example\tb.example \noptions  ndots:2 timeout:1\n" +
    "sortlist 10.0.0.0\n nameserver 192.0.2.2\nnameserver192.0.2.3\nnameserver\nNAMESERVER 192.0.2.4";
  assertEquals(parseResolvConf(text), {
    nameservers: ["192.0.2.1", "fe80::1%eth0"],
    search: ["a.example", "b.example"],
    others: ["options ndots:2 timeout:1", "sortlist 10.0.0.0"],
  });
});

Deno.test("parseResolvConf() takes the last of several search lists", () => {
  assertEquals(parseResolvConf("search a b\ndomain c d\n").search, ["c"]);
  assertEquals(parseResolvConf("domain c\nsearch a b\n").search, ["a", "b"]);
});

Deno.test("formatResolvConf() writes what parseResolvConf() reads, whatever it is", () => {
  const random = new Random(1);
  for (let i = 0; i < 500; i++) {
    const conf = randomConf(random);
    assertEquals(parseResolvConf(formatResolvConf(conf, ["nameserver 1.1.1.1"])), conf);
  }
});

Deno.test("parseResolvConf() reads any text as a plain reading does", () => {
  const random = new Random(2);
  for (let i = 0; i < 2000; i++) {
    const text = random.garble(random.garble(formatResolvConf(randomConf(random)), NOISE), NOISE);
    assertEquals(parseResolvConf(text), naiveParse(text), JSON.stringify(text));
  }
});

const BEFORE: ResolvConf = {
  nameservers: ["192.0.2.1", "10.0.0.1", "192.0.2.2"],
  search: ["home.example", "b.example"],
  others: ["options rotate"],
};

Deno.test("joinResolvConf() puts the tunnel's first, and no more than glibc reads", () => {
  const tunnel = { nameservers: ["10.0.0.1", "10.0.0.2"], search: ["b.example"], all: false };
  assertEquals(joinResolvConf(BEFORE, tunnel), {
    nameservers: ["10.0.0.1", "10.0.0.2", "192.0.2.1"],
    search: ["b.example", "home.example"],
    others: ["options rotate"],
  });
});

Deno.test("joinResolvConf() leaves the tunnel's alone if all names are its", () => {
  const tunnel = { nameservers: ["10.0.0.1"], search: [], all: true };
  assertEquals(joinResolvConf(BEFORE, tunnel), {
    nameservers: ["10.0.0.1"],
    search: [],
    others: ["options rotate"],
  });
});

const NOISE = "nameserv 1.:\t\n#;\r%é";

function randomConf(random: Random): ResolvConf {
  const some = <T>(make: () => T): T[] => Array.from({ length: random.integer(0, 4) }, make);
  return {
    nameservers: some(() => random.pick(["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "x"])),
    search: some(() => random.pick(["a.example", "b", "c.d.example"])),
    others: some(() => random.pick(["options ndots:1", "sortlist 10.0.0.0 192.0.2.0", "x y"])),
  };
}

/** Line by line, and character by character. */
function naiveParse(text: string): ResolvConf {
  const conf = { nameservers: [] as string[], search: [] as string[], others: [] as string[] };
  for (const line of text.split("\n")) {
    let at = 0;
    while (at < line.length && line[at]! >= "a" && line[at]! <= "z") at++;
    const keyword = line.slice(0, at);
    if (keyword === "" || line[at] !== " " && line[at] !== "\t") continue;
    const values = line.slice(at).replaceAll("\t", " ").replaceAll("\r", " ").split(" ")
      .filter((value) => value.length > 0);
    if (values.length === 0) continue;
    if (keyword === "nameserver") conf.nameservers.push(values[0]!);
    else if (keyword === "search") conf.search = values;
    else if (keyword === "domain") conf.search = [values[0]!];
    else conf.others.push([keyword, ...values].join(" "));
  }
  return conf;
}
