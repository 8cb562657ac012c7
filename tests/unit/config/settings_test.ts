import { assertEquals, assertThrows } from "@std/assert";
import { formatIpv4, parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { parsePrefix } from "../../../lib/address/prefix.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import {
  CLIENT_OPTIONS,
  type ClientSettings,
  isHostOf,
  readClientSettings,
  readServerSettings,
  SERVER_OPTIONS,
  type ServerSettings,
} from "../../../lib/config/settings.ts";

function server(...args: string[]): ServerSettings {
  return readServerSettings(readArguments(SERVER_OPTIONS, ["--classic", ...args]));
}

function client(...args: string[]): ClientSettings {
  return readClientSettings(readArguments(CLIENT_OPTIONS, ["--classic", "-s", "host", ...args]));
}

function clientOf(host: string): string {
  return readClientSettings(readArguments(CLIENT_OPTIONS, ["--classic", `-s${host}`])).host;
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
    port: 2002,
    tun: "simplevpn%d",
    mtu: 1500,
    timeout: 60_000,
    logLevel: "info",
    jsonLogs: false,
    listen: undefined,
    state: undefined,
    maxClients: 1024,
  });
});

Deno.test("A client has the defaults of the C program, and its own for the rest", () => {
  assertEquals(client(), {
    port: 2002,
    tun: "simplevpn%d",
    mtu: 1500,
    timeout: 30_000,
    logLevel: "info",
    jsonLogs: false,
    host: "host",
    address: undefined,
    network: undefined,
    keepalive: 15_000,
  });
});

Deno.test("A server takes every option that it has", () => {
  const { network, ...settings } = server(
    ..."-p 2003 --listen 192.0.2.1 --network 10.86.0.0/24 --state /data --timeout 1.5".split(" "),
    ..."--max-clients 7 --tun vpn.0 --mtu 1280 --log-level debug --json-logs".split(" "),
  );
  assertEquals(`${network}`, "10.86.0.0/24");
  assertEquals(settings, {
    port: 2003,
    tun: "vpn.0",
    mtu: 1280,
    timeout: 1500,
    logLevel: "debug",
    jsonLogs: true,
    listen: "192.0.2.1",
    state: "/data",
    maxClients: 7,
  });
});

Deno.test("A client takes the options that only it has", () => {
  const { address, network, keepalive } = client(
    ..."-a 10.86.0.9 --network 10.86.0.0/24 --keepalive 0.5".split(" "),
  );
  assertEquals([formatIpv4(address!), `${network}`, keepalive], ["10.86.0.9", "10.86.0.0/24", 500]);
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

Deno.test("Seconds are taken above 0 and up to a day", () => {
  assertEquals([server("--timeout=0.001").timeout, server("--timeout=86400").timeout], [
    1,
    86_400_000,
  ]);
  refuses(server, "--timeout", ["0", "0.0", "-1", "86400.1", "1e3", ".5", "5.", "1s", "Infinity"]);
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
    "fd00::/64",
  ]);
  refuses(client, "--network", ["10.0.0.0/31"]);
});

Deno.test("A client asks only for an address that a host can have", () => {
  assertEquals(formatIpv4(client("-a", "10.0.255.254").address!), "10.0.255.254");
  refuses(client, "--address", [
    "10.0.0.0",
    "10.0.255.255",
    "0.0.0.0",
    "255.255.255.255",
    "10.0.1",
  ]);
  assertThrows(
    () => client("-a", "10.1.0.2", "--network", "10.0.0.0/16"),
    UsageError,
    "10.0.0.0/16",
  );
});

Deno.test("isHostOf() excludes the two ends of a network and what is beyond them", () => {
  const network = parsePrefix("10.0.0.0/30");
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

Deno.test("A client does not start without a server to connect to", () => {
  const args = readArguments(CLIENT_OPTIONS, ["--classic"]);
  assertThrows(() => readClientSettings(args), UsageError, "-s HOST");
});

Deno.test("A client's keepalive comes before its timeout", () => {
  assertEquals(client("--keepalive=1", "--timeout=1.1").keepalive, 1000);
  assertThrows(() => client("--keepalive=1", "--timeout=1"), UsageError, "--keepalive");
  assertThrows(() => client("--timeout=15"), UsageError, "--keepalive");
});

Deno.test("An interface's name is one that the kernel takes", () => {
  assertEquals(server("--tun", "a".repeat(15)).tun, "a".repeat(15));
  refuses(server, "--tun", ["a".repeat(16), ".", "..", "a/b", "a:b", "a b", "tun%d", "é", "a\n"]);
});

Deno.test("A log level is one of four", () => {
  for (const level of ["debug", "info", "warning", "error"]) {
    assertEquals(server("--log-level", level).logLevel as string, level);
  }
  refuses(server, "--log-level", ["warn", "INFO", "trace"]);
});

Deno.test("Neither program starts without --classic, with -u, or with arguments that mean nothing", () => {
  for (
    const [options, read] of [
      [SERVER_OPTIONS, readServerSettings],
      [CLIENT_OPTIONS, readClientSettings],
    ] as const
  ) {
    const start = (...args: string[]): unknown => read(readArguments(options, args));
    assertThrows(() => start("-p", "2002"), UsageError, "add --classic");
    assertThrows(() => start("--classic", "-u"), UsageError, "-u");
    assertThrows(() => start("--classic", "what"), UsageError, 'Unexpected argument "what"');
  }
});

Deno.test("No two options of a program share a name or a letter", () => {
  for (const table of [SERVER_OPTIONS, CLIENT_OPTIONS]) {
    const names = table.flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
    assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  }
});
