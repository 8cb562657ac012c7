import { assert, assertEquals, assertThrows } from "@std/assert";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { parseIpv6 } from "../../../lib/address/ipv6_address.ts";
import { formatIpv4, parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parseIpv4Prefix } from "../../../lib/address/ipv4_prefix.ts";
import { CONNECT_OPTIONS } from "../../../lib/config/client_options.ts";
import { type ClientSettings, readClientSettings } from "../../../lib/config/client_settings.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { STATE_OPTIONS } from "../../../lib/config/common_options.ts";
import { type InviteSettings, readInviteSettings } from "../../../lib/config/invite_settings.ts";
import { classicNetwork, isHostOf } from "../../../lib/config/networks.ts";
import {
  INVITE_OPTIONS,
  PEERS_ADD_OPTIONS,
  PEERS_LIST_OPTIONS,
  SERVE_OPTIONS,
} from "../../../lib/config/server_options.ts";
import { readServerSettings, type ServerSettings } from "../../../lib/config/server_settings.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY_TEXT = KEY.toBase64();
const INVITE = `simplevpn://vpn.example:2002/${KEY.toBase64({ alphabet: "base64url" })}/secret`;

function server(...args: string[]): ServerSettings {
  return readServerSettings(readArguments(SERVE_OPTIONS, args));
}

/** What a secure client's command line says. */
function client(...args: string[]): ClientSettings {
  return readClientSettings(readArguments(CONNECT_OPTIONS, args));
}

function classic(...args: string[]): ClientSettings {
  return client("--classic", "-s", "host", ...args);
}

function clientOf(host: string): string | undefined {
  return client(`-s${host}`).servers[0]?.host;
}

function invite(...args: string[]): InviteSettings {
  return readInviteSettings(readArguments(INVITE_OPTIONS, ["anna", ...args]));
}

/** Checks that each of the values is refused, in a sentence that names the option. */
function refuses(read: (...args: string[]) => unknown, option: string, values: string[]): void {
  for (const value of values) {
    assertThrows(() => read(`${option}=${value}`), UsageError, option);
  }
}

Deno.test("A server has the defaults of the C program, and its own for the rest", () => {
  const { network, ...settings } = server();
  assertEquals(`${network}`, "10.0.0.0/16");
  assertEquals(settings, {
    classic: false,
    carriers: ["tcp", "udp"],
    crypto: "auto",
    gateway: undefined,
    port: 2002,
    tun: "simplevpn%d",
    offload: true,
    congestion: undefined,
    mtu: 1500,
    timing: { keepalive: 25_000, timeout: 60_000 },
    metrics: undefined,
    hooks: {
      up: undefined,
      down: undefined,
      onConnect: undefined,
      onDisconnect: undefined,
      timeout: 30_000,
    },
    logLevel: "info",
    jsonLogs: false,
    logFile: undefined,
    listen: undefined,
    state: undefined,
    user: undefined,
    maxClients: 1024,
    isolate: false,
    network6: "random",
    routes: [],
    dns: [],
    searchDomains: [],
  });
});

Deno.test("A client knows nothing of a server by itself, and has its own defaults for the rest", () => {
  assertEquals(client(), {
    classic: false,
    carriers: ["tcp", "udp"],
    crypto: "auto",
    gateway: undefined,
    tun: "simplevpn%d",
    offload: true,
    congestion: undefined,
    timing: { keepalive: 15_000, timeout: 30_000 },
    hooks: { up: undefined, down: undefined, timeout: 30_000 },
    dns: true,
    state: undefined,
    metrics: undefined,
    user: undefined,
    logLevel: "info",
    jsonLogs: false,
    logFile: undefined,
    servers: [],
    port: undefined,
    invite: undefined,
    address: undefined,
    network: undefined,
    mtu: undefined,
    routes: "pushed",
    announce: [],
  });
});

Deno.test("An invite is open for a week, for any address, unless it says otherwise", () => {
  assertEquals(invite(), {
    name: "anna",
    address: undefined,
    routes: [],
    expires: 7 * 86_400_000,
    host: undefined,
    port: undefined,
    qr: true,
    revoke: false,
    state: undefined,
  });
});

Deno.test("A server takes every option that it has", () => {
  const { network, network6, routes, ...settings } = server(
    ..."-p 2003 --listen 192.0.2.1 --network 10.86.0.0/24 --state /data --timeout 1.5".split(" "),
    ..."--max-clients 7 --tun vpn.0 --mtu 1280 --log-level debug --json-logs --log-file /var/log/simplevpn.log"
      .split(" "),
    ..."--classic --isolate --nat --no-offload --congestion bbr --crypto node --keepalive 0.5 --user nobody --route 192.168.0.0/24"
      .split(" "),
    ..."--up /a/up --down /a/down --on-connect /a/c --on-disconnect /a/d --hook-timeout 5".split(
      " ",
    ),
    ..."--network fd01::/64 --route 2001:db8:7::/48 --dns 10.86.0.1 --dns fd01::1 --search a.test --search b"
      .split(" "),
  );
  assertEquals([network, network6, ...routes].map(String), [
    "10.86.0.0/24",
    "fd01::/64",
    "192.168.0.0/24",
    "2001:db8:7::/48",
  ]);
  assertEquals(settings, {
    classic: true,
    carriers: ["tcp", "udp"],
    crypto: "node",
    gateway: "nat",
    port: 2003,
    tun: "vpn.0",
    offload: false,
    congestion: "bbr",
    mtu: 1280,
    timing: { keepalive: 500, timeout: 1500 },
    metrics: undefined,
    hooks: { up: "/a/up", down: "/a/down", onConnect: "/a/c", onDisconnect: "/a/d", timeout: 5000 },
    logLevel: "debug",
    jsonLogs: true,
    logFile: "/var/log/simplevpn.log",
    listen: "192.0.2.1",
    state: "/data",
    user: "nobody",
    maxClients: 7,
    isolate: true,
    dns: [parseIpv4("10.86.0.1"), parseIpv6("fd01::1")],
    searchDomains: ["a.test", "b"],
  });
});

Deno.test("A client takes every option that it has", () => {
  assertEquals(
    client(
      ..."-s vpn.example -p 2003 -a 10.86.0.9 --mtu 1280 --tun vpn.0 --state /data".split(" "),
      ..."--no-dns --up /a/up --down /a/down --hook-timeout 0.5".split(" "),
      ..."--announce 192.168.7.0/24 --announce 2001:db8:7::/64".split(" "),
      ..."--crypto libcrypto --forward --no-offload --congestion bbr --log-level error --json-logs --log-file /l --full-tunnel --server-key"
        .split(" "),
      KEY_TEXT,
    ),
    {
      classic: false,
      carriers: ["tcp", "udp"],
      crypto: "libcrypto",
      gateway: "forward",
      tun: "vpn.0",
      offload: false,
      congestion: "bbr",
      timing: { keepalive: 15_000, timeout: 30_000 },
      hooks: { up: "/a/up", down: "/a/down", timeout: 500 },
      dns: false,
      state: "/data",
      metrics: undefined,
      user: undefined,
      logLevel: "error",
      jsonLogs: true,
      logFile: "/l",
      servers: [{ host: "vpn.example", port: undefined, publicKey: KEY }],
      port: 2003,
      invite: undefined,
      address: parseIpv4("10.86.0.9"),
      network: undefined,
      mtu: 1280,
      routes: "everything",
      announce: ["192.168.7.0/24", "2001:db8:7::/64"].map(parsePrefix),
    },
  );
});

Deno.test("A gateway is one with --forward or with --nat", () => {
  assertEquals(server("--forward").gateway, "forward");
  assertThrows(() => server("--nat", "--forward"), UsageError, "--forward and --nat exclude");
  assertThrows(() => classic("--nat"), UsageError, "nothing with --classic");
});

Deno.test("A client announces networks that packets can be routed to, each once, and 16 of them", () => {
  const many = Array.from({ length: 17 }, (_, i) => `--announce=10.${i}.0.0/16`);
  assertEquals(client(...many.slice(1), many[1]!).announce.length, 16);
  assertThrows(() => client(...many), UsageError, "16 is the most");
  refuses(client, "--announce", ["192.168.7.1/24", "224.0.0.0/4", "router", "0.0.0.0/0", "::/0"]);
  assertThrows(() => classic("--announce=10.0.0.0/8"), UsageError, "nothing with --classic");
});

Deno.test("A client chooses what goes through its tunnel, in one way", () => {
  const split = client("--split", "192.168.7.0/24", "--split=2001:db8::/32").routes;
  assert(typeof split !== "string");
  assertEquals(split.map(String), ["192.168.7.0/24", "2001:db8::/32"]);
  assertEquals(client("--no-routes").routes, []);
  assertEquals(classic("--full-tunnel").routes, "everything");
  refuses(client, "--split", ["192.168.7.1/24", "224.0.0.0/4", "router", "0.0.0.0/0", "::/0"]);
  assertThrows(() => client("--split", "::/0"), UsageError, "--full-tunnel");
  const contradictions = [
    ["--full-tunnel", "--split=192.168.7.0/24"],
    ["--full-tunnel", "--no-routes"],
    ["--split=192.168.7.0/24", "--no-routes"],
  ];
  for (const options of contradictions) {
    const [one, other] = options.map((option) => option.split("=")[0]);
    const message = `The options ${one} and ${other} exclude each other`;
    assertThrows(() => client(...options), UsageError, message);
  }
  assertThrows(() => classic("--no-routes"), UsageError, "--no-routes");
});

Deno.test("A classic client takes the options that only it has", () => {
  const { address, network, timing } = classic(
    ..."-a 10.86.0.9 --network 10.86.0.0/24 --keepalive 0.5 --timeout 2".split(" "),
  );
  assertEquals([formatIpv4(address!), `${network}`], ["10.86.0.9", "10.86.0.0/24"]);
  assertEquals(timing, { keepalive: 500, timeout: 2000 });
});

Deno.test("An invite takes every option that it has", () => {
  const { routes, ...settings } = invite(
    ..."-p 443 --address 10.0.0.7 --route 192.168.1.0/24 --route 2001:db8:1::/64 --expires 12h --host"
      .split(" "),
    ..."vpn.example --no-qr --revoke --state /data".split(" "),
  );
  assertEquals(routes.map(String), ["192.168.1.0/24", "2001:db8:1::/64"]);
  assertEquals(settings, {
    name: "anna",
    address: parseIpv4("10.0.0.7"),
    expires: 12 * 3_600_000,
    host: "vpn.example",
    port: 443,
    qr: false,
    revoke: true,
    state: "/data",
  });
});

Deno.test("Programs to run are absolute paths", () => {
  for (const option of ["--up", "--down", "--on-connect", "--on-disconnect"]) {
    refuses(server, option, ["up", "./up", "../up", "~/up", "/a\nb", "/a\x1b"]);
  }
});

Deno.test("Whole numbers are taken from their least to their most", () => {
  assertEquals([server("-p1").port, server("-p65535").port], [1, 65535]);
  assertEquals([server("--mtu=68").mtu, server("--mtu=65535").mtu], [68, 65535]);
  refuses(server, "--port", [
    "0",
    "65536",
    "-1",
    "1.5",
    "1e3",
    "0x10",
    " 1",
    "1 ",
    "١",
    "99999999999",
  ]);
  refuses(server, "--mtu", ["67", "65536", "many"]);
  refuses(server, "--max-clients", ["0", "65537"]);
});

Deno.test("Seconds are taken from a tenth, which is the least that clients take, up to a day", () => {
  const timeout = (text: string): number => server("--timeout", text).timing.timeout;
  assertEquals([timeout("0.101"), timeout("86400")], [101, 86_400_000]);
  assertEquals(server("--timeout=0.2").timing.keepalive, 100);
  refuses(server, "--timeout", [
    "0",
    "0.0",
    "0.099",
    "-1",
    "86400.1",
    "1e3",
    ".5",
    "5.",
    "1s",
    "Infinity",
  ]);
});

Deno.test("A network has ordinary addresses, and room for a server and a client", () => {
  for (const text of ["10.0.0.0/8", "192.168.1.0/30", "100.64.0.0/10", "1.0.0.0/8"]) {
    assertEquals(`${server("--network", text).network}`, text);
  }
  refuses(server, "--network", [
    "10.0.0.0/31",
    "10.0.0.0/32",
    "8.0.0.0/7",
    "0.0.0.0/0",
    "0.0.0.0/8",
    "127.0.0.0/8",
    "127.1.0.0/16",
    "224.0.0.0/8",
    "239.1.0.0/16",
    "240.0.0.0/8",
    "255.255.255.252/30",
    "10.0.0.1/16",
    "10.0.0.0",
    "::/0",
    "::/64",
    "::1/128",
    "::ffff:0:0/96",
    "fe80::/64",
    "febf::/16",
    "ff02::/64",
    "2000::/15",
    "fd00::/127",
    "fd00::1/64",
    "fd00::",
    "fd00::/113",
  ]);
  refuses(classic, "--network", ["10.0.0.0/31", "fd00::/64"]);
});

Deno.test("A server has one network of each version, or none of IPv6", () => {
  const networks = (...args: string[]): string[] => {
    const { network, network6 } = server(...args);
    return [`${network}`, `${network6}`];
  };
  const [ipv4, ipv6] = [["--network", "10.9.0.0/24"], ["--network", "2001:db8::/56"]] as const;
  assertEquals(networks(...ipv4), ["10.9.0.0/24", "random"]);
  assertEquals(networks(...ipv6), ["10.0.0.0/16", "2001:db8::/56"]);
  assertEquals(networks(...ipv6, ...ipv4), ["10.9.0.0/24", "2001:db8::/56"]);
  assertEquals(networks(...ipv4, "--network", "fd00::/120"), ["10.9.0.0/24", "fd00::/120"]);
  assertEquals(networks(...ipv4, "--no-ipv6"), ["10.9.0.0/24", "undefined"]);
  assertThrows(() => server(...ipv4, ...ipv4), UsageError, "two IPv4 networks");
  assertThrows(() => server(...ipv6, ...ipv6), UsageError, "two IPv6 networks");
  for (const other of [ipv6, ["--route", "2001:db8:9::/48"], ["--dns", "fd00::1"]]) {
    assertThrows(() => server(...other, "--no-ipv6"), UsageError, "--no-ipv6 contradicts");
  }
  assertThrows(() => server("--network", "fd00::/113"), UsageError, "less room than 10.0.0.0/16");
});

Deno.test("A classic client asks only for an address that a host can have", () => {
  assertEquals(formatIpv4(classic("-a", "10.0.255.254").address!), "10.0.255.254");
  refuses(classic, "--address", [
    "10.0.0.0",
    "10.0.255.255",
    "0.0.0.0",
    "255.255.255.255",
    "10.0.1",
  ]);
  assertThrows(
    () => classic("-a", "10.1.0.2", "--network", "10.0.0.0/16"),
    UsageError,
    "10.0.0.0/16",
  );
});

Deno.test("Nobody asks for, or is given, an address that no host has", () => {
  for (const read of [classic, client, invite]) {
    refuses(read, "--address", [
      ...["127.0.0.5", "224.0.0.7", "239.255.255.254", "240.0.0.1", "0.0.0.1"],
      ...["fd00::2", "10.0.0"],
    ]);
  }
});

Deno.test("isHostOf() excludes the two ends of a network and what is beyond them", () => {
  const network = parseIpv4Prefix("10.0.0.0/30");
  const hosts = ["9.255.255.255", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
    .filter((text) => isHostOf(network, parseIpv4(text)));
  assertEquals(hosts, ["10.0.0.1", "10.0.0.2"]);
});

Deno.test("A client's server is a name or an address, in brackets or not", () => {
  for (const host of ["vpn.example", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"]) {
    assertEquals(clientOf(host), host);
  }
  assertEquals(clientOf("[2001:db8::1]"), "2001:db8::1");
  for (const host of ["a b", "a\n", "\0", "a\x1b[31m", "a\x7f", "a".repeat(256)]) {
    assertThrows(() => clientOf(host), UsageError, "--server");
  }
});

Deno.test("A client takes several servers in order, each with a port if it has one of its own", () => {
  const places = client("-s", "a", "-s", "b:443", "-s", "[fd00::1]:53", "-s", "fd00::2").servers
    .map(({ host, port }) => [host, port]);
  assertEquals(places, [["a", undefined], ["b", 443], ["fd00::1", 53], ["fd00::2", undefined]]);
  for (const text of ["a:0", "a:65536", "a:x", "a:", "[fd00::1]:70000"]) {
    assertThrows(() => client("-s", text), UsageError, "--server: ");
  }
  const many = Array.from({ length: 17 }, (_, i) => `-sa${i}`);
  assertEquals(client(...many.slice(1)).servers.length, 16);
  assertThrows(() => client(...many), UsageError, "16 at the most");
});

Deno.test("A client's servers share one key, or have one each, or keys that are known already", () => {
  const keys = (...args: string[]): (Uint8Array | undefined)[] =>
    client("-s", "a", "-s", "b", ...args).servers.map(({ publicKey }) => publicKey);
  const other = "A".repeat(43) + "=";
  assertEquals(keys(), [undefined, undefined]);
  assertEquals(keys("--server-key", KEY_TEXT), [KEY, KEY]);
  assertEquals(keys("--server-key", KEY_TEXT, "--server-key", other), [KEY, new Uint8Array(32)]);
  assertThrows(
    () => keys(...[1, 2, 3].flatMap(() => ["--server-key", other])),
    UsageError,
    "2 servers and 3 keys",
  );
});

Deno.test("A client does not start without a server to connect to", () => {
  for (const args of [["--classic"], ["-p", "2003"], ["--server-key", KEY_TEXT]]) {
    assertThrows(() => client(...args), UsageError, "-s HOST");
  }
});

Deno.test("A client takes one invite, and lets it say which server it is for", () => {
  assertEquals(client(INVITE).invite, { text: INVITE });
  assertEquals(client("--invite-file", "-").invite, { file: "-" });
  assertThrows(() => client(INVITE, "--invite-file=a"), UsageError, "twice");
  assertThrows(() => client(INVITE, "-s", "host"), UsageError, "leave -s");
  assertThrows(() => client(INVITE, "--server-key", KEY_TEXT), UsageError, "leave -s");
  assertThrows(() => client("--invite-file=a", "-s", "host"), UsageError, "leave -s");
  assertThrows(() => classic(INVITE), UsageError, "--classic");
});

Deno.test("An argument that is nearly an invite is refused without its secret", () => {
  for (const args of [[`x${INVITE}`], [INVITE, "more"], [INVITE.replace(":", "."), INVITE]]) {
    const { message } = assertThrows(() => client(...args), UsageError, "Unexpected argument");
    assertEquals(message.includes("secret"), false, message);
  }
});

Deno.test("A client refuses what means nothing to its protocol", () => {
  for (const option of ["--network=10.0.0.0/16", "--keepalive=1", "--timeout=9"]) {
    assertThrows(() => client("-s", "host", option), UsageError, "with --classic only");
  }
  for (const option of [`--server-key=${KEY_TEXT}`, "--crypto=node"]) {
    assertThrows(() => classic(option), UsageError, "nothing with --classic");
  }
  assertThrows(() => classic("--invite-file=-"), UsageError, "nothing with --classic");
});

Deno.test("A keepalive comes before the timeout, and follows a shorter one", () => {
  assertEquals(classic("--keepalive=1", "--timeout=1.1").timing.keepalive, 1000);
  assertEquals(classic("--timeout=15").timing.keepalive, 5000);
  for (const read of [server, classic]) {
    assertThrows(() => read("--keepalive=1", "--timeout=1"), UsageError, "--keepalive");
    assertThrows(() => read("--keepalive=60.1"), UsageError, "--keepalive");
  }
});

Deno.test("An interface's name is one that the kernel takes", () => {
  assertEquals(server("--tun", "a".repeat(15)).tun, "a".repeat(15));
  refuses(server, "--tun", ["a".repeat(16), ".", "..", "a/b", "a:b", "a b", "tun%d", "é", "a\n"]);
  refuses(server, "--tun", ["all", "default"]);
});

Deno.test("A user's name is one that a machine can have", () => {
  for (const name of ["", "-x", "a b", "a:b", "a/b", "x".repeat(33)]) {
    assertThrows(() => server("--user", name), UsageError, "--user");
  }
  assertEquals(server("--user", "_svc-1.x").user, "_svc-1.x");
});

Deno.test("A log level is one of four", () => {
  for (const level of ["debug", "info", "warning", "error"]) {
    assertEquals(server("--log-level", level).logLevel as string, level);
  }
  refuses(server, "--log-level", ["warn", "INFO", "trace"]);
});

Deno.test("What seals records is one of three", () => {
  for (const choice of ["auto", "libcrypto", "node"]) {
    assertEquals(server("--crypto", choice).crypto as string, choice);
  }
  refuses(server, "--crypto", ["openssl", "Node"]);
});

Deno.test("A server tells its clients only of ordinary networks, addresses and domains", () => {
  refuses(server, "--route", [
    "0.0.0.0/0",
    "127.0.0.0/8",
    "224.0.0.0/4",
    "10.0.0.1/24",
    "10.0.0.1",
    "::/0",
    "fe80::/64",
    "ff00::/8",
    "::1/128",
    "2001:db8::1/64",
    "2001:db8::1",
  ]);
  refuses(server, "--dns", [
    "10.0.0",
    "dns.example",
    "fe80::1",
    "::1",
    "ff02::fb",
    "224.0.0.251",
    "0.0.0.0",
  ]);
  refuses(server, "--search", ["a b", "-a", "a..b", "a\n", "é", "a".repeat(64)]);
});

Deno.test("An invite is for one NAME, for some time", () => {
  for (const operands of [[], ["anna", "bert"], ["a b"], ["-"], ["é"], ["a".repeat(65)]]) {
    const args = { options: new Map(), operands };
    assertThrows(() => readInviteSettings(args), UsageError);
  }
  assertEquals(invite("--expires=1s").expires, 1000);
  refuses(invite, "--expires", ["0d", "7", "7w", "-1d", "1.5h", "7 d", "123456s"]);
});

Deno.test("-u means UDP only, which the classic protocol does not have, and --tcp TCP only", () => {
  for (const read of [server, client]) {
    assertEquals([read("-u").carriers, read("--udp").carriers], [["udp"], ["udp"]]);
    assertEquals(read("--tcp").carriers, ["tcp"]);
    assertThrows(() => read("--tcp", "-u"), UsageError, "--tcp and -u exclude each other");
    assertThrows(() => read("-u", "--congestion", "bbr"), UsageError, "is for TCP: leave out");
  }
  assertThrows(() => server("-u", "--classic"), UsageError, "leave out either --classic or -u");
  assertThrows(() => classic("-u"), UsageError, "leave out either --classic or -u");
});

Deno.test("Neither program starts with arguments that mean nothing", () => {
  for (const read of [server, client, classic]) {
    assertThrows(() => read("what"), UsageError, 'Unexpected argument "what"');
  }
});

Deno.test("classicNetwork() is the network that the C client takes", () => {
  assertEquals(String(classicNetwork(parseIpv4("10.7.8.9"))), "10.7.0.0/16");
});

Deno.test("No two options of a command share a name or a letter", () => {
  const general = [{ name: "help", short: "h" }, { name: "version", short: undefined }];
  for (
    const table of [
      SERVE_OPTIONS,
      CONNECT_OPTIONS,
      INVITE_OPTIONS,
      PEERS_ADD_OPTIONS,
      PEERS_LIST_OPTIONS,
      STATE_OPTIONS,
    ]
  ) {
    const names = [...table, ...general]
      .flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
    assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  }
});

Deno.test("a server tells clients of no more than they take", () => {
  const many = (option: string, count: number, value: (i: number) => string): string[] =>
    Array.from({ length: count }, (_, i) => `${option}=${value(i)}`);
  const lists: [option: string, value: (i: number) => string][] = [
    ["--route", (i) => `192.168.${i}.0/24`],
    ["--dns", (i) => `192.168.0.${i + 1}`],
    ["--search", (i) => `d${i}.test`],
  ];
  for (const [option, value] of lists) {
    server(...many(option, 64, value));
    assertThrows(() => server(...many(option, 65, value)), UsageError, `${option}: there are 65`);
  }
});

Deno.test("Metrics are served at a literal address and a port", () => {
  for (const read of [server, client]) {
    assertEquals(read("--metrics=127.0.0.1:9100").metrics, { host: "127.0.0.1", port: 9100 });
    assertEquals(read("--metrics=[0:0::1]:1").metrics, { host: "::1", port: 1 });
    refuses(read, "--metrics", ["127.0.0.1", ":9100", "localhost:9100", "::1:9100", "127.0.0.1:0"]);
    refuses(read, "--metrics", ["127.0.0.1:65536", "[::1]", "[::1]:", "1.2.3:9100", "[x]:9100"]);
  }
});
