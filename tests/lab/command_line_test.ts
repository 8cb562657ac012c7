/** Command lines, good and bad, and the lines that programs write. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { program, type ProgramName } from "../../scripts/program.ts";
import project from "../../deno.json" with { type: "json" };
import { CONNECT_OPTIONS } from "../../lib/config/client_options.ts";
import { SERVE_OPTIONS } from "../../lib/config/server_options.ts";
import { assertOneLine, ending, eventually } from "./inspection.ts";
import { withEmptyFolder } from "./mounts.ts";
import { labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const CLASSIC = ["--classic"];
const TO_SERVER = ["--classic", "-s", "192.0.2.1"];

/** What must not be accepted, and what has to be said about it. */
const BAD: [name: ProgramName, args: string[], complaint: RegExp][] = [
  ["server", ["peers", "nonsense"], /Which "peers" command\? It is one of list, show, add/],
  ["server", ["peers", "add", "pi"], /PUBLIC_KEY is missing/],
  ["server", ["peers", "add", "pi", "key"], /"key" is no key/],
  ["server", ["peers", "set", "pi"], /nothing to set.*"simplevpn-server peers set --help"/],
  [
    "server",
    ["peers", "set", "pi", "--route", "192.168.7.0/24", "--no-routes"],
    /--route and --no-routes exclude each other/,
  ],
  [
    "server",
    ["--netwrok", "10.0.0.0/16"],
    /did you mean "--network"\? \(try "simplevpn-server --h/,
  ],
  ["server", ["peer", "list"], /There is no command "peer": did you mean "peers"\?/],
  ["client", ["vpn.example.org"], /argument "vpn\.example\.": .* is named with -s HOST/],
  ["server", ["invite"], /NAME of whoever is invited is missing/],
  ["server", ["invite", "a b"], /"a b" is no name/],
  ["server", ["invite", "pi", "--expires", "soon"], /--expires: "soon" is no time/],
  ["server", ["invite", "pi", "--mtu", "1400"], /Unknown option "--mtu"/],
  ["server", [...CLASSIC, "--nonsense"], /Unknown option "--nonsense"/],
  ["server", [...CLASSIC, "-x"], /Unknown option "-x"/],
  ["server", [...CLASSIC, "nonsense"], /Unexpected argument "nonsense"/],
  ["server", [...CLASSIC, "a\n\x1b[31mb"], /Unexpected argument "a\?\?\[31mb"/],
  ["server", [...CLASSIC, "-u"], /leave out either --classic or -u/],
  ["server", [...CLASSIC, "-p"], /--port needs a value/],
  ["server", [...CLASSIC, "-p", "0"], /--port: "0" is not/],
  ["server", [...CLASSIC, "-p", "65536"], /--port: "65536" is not/],
  ["server", [...CLASSIC, "-p", "http"], /--port: "http" is not/],
  ["server", [...CLASSIC, "-p", "1", "-p", "2"], /--port is given more than once/],
  ["server", [...CLASSIC, "--network", "10.0.0.0"], /--network: Not a network: "10\.0\.0\.0"/],
  ["server", [...CLASSIC, "--network", "10.0.0.5/16"], /did you mean "10\.0\.0\.0\/16"/],
  ["server", [...CLASSIC, "--network", "10.0.0.0/31"], /--network: "10\.0\.0\.0\/31" is not/],
  ["server", [...CLASSIC, "--network", "224.0.0.0/8"], /not a network of ordinary addresses/],
  ["server", ["--network", "fe80::/64"], /--network: "fe80::\/64" is not/],
  ["server", [...CLASSIC, "--mtu", "67"], /--mtu: "67" is not a whole number from 68 to 65535/],
  ["server", [...CLASSIC, "--mtu", "65536"], /--mtu: "65536" is not/],
  ["server", [...CLASSIC, "--tun", "a name with spaces"], /--tun: "a name with spaces" is not/],
  ["server", [...CLASSIC, "--congestion", "BBR!"], /--congestion: "BBR!" is not/],
  ["server", [...CLASSIC, "--timeout", "0"], /--timeout: "0" is not/],
  ["server", [...CLASSIC, "--max-clients", "none"], /--max-clients: "none" is not/],
  ["server", [...CLASSIC, "--log-level", "loud"], /--log-level: "loud" is none of/],
  ["server", [...CLASSIC, "--json-logs=yes"], /--json-logs takes no value/],
  ["client", ["-s", "192.0.2.1"], /The key of the server "192\.0\.2\.1" is not known/],
  ["client", ["simplevpn://x"], /no whole invite/],
  ["client", ["--classic", "-s", "x", "--crypto", "node"], /--crypto means nothing with --classic/],
  [
    "client",
    ["--metrics", "9100"],
    /--metrics: "9100" is no ADDRESS:PORT such as 127\.0\.0\.1:9100/,
  ],
  ["server", ["status", "now"], /Unexpected argument "now"/],
  ["client", ["status", "--state"], /--state needs a value: DIR/],
  ["client", CLASSIC, /Which server\? Name it with -s HOST/],
  ["client", [...CLASSIC, "-s"], /--server needs a value/],
  ["client", [...CLASSIC, "-s", "two words"], /--server: That is neither a name nor an address/],
  ["client", [...TO_SERVER, "--nonsense"], /Unknown option "--nonsense"/],
  ["client", [...TO_SERVER, "-u"], /leave out either --classic or -u/],
  ["client", [...TO_SERVER, "-a", "10.0.0"], /--address: Not an IPv4 address: "10\.0\.0"/],
  ["client", [...TO_SERVER, "-a", "10.0.255.255"], /"10\.0\.255\.255" is no host's address/],
  ["client", [...TO_SERVER, "-a", "127.0.0.5"], /--address: "127\.0\.0\.5" is no host's address/],
  ["client", [...TO_SERVER, "-p", "-1"], /--port needs a value/],
  ["client", [...TO_SERVER, "--keepalive", "30"], /--keepalive must be less than --timeout/],
  ["client", [...TO_SERVER, "--keepalive", "soon"], /--keepalive: "soon" is not/],
];
for (const [name, args, complaint] of BAD) {
  await labTest(`simplevpn-${name} rejects ${JSON.stringify(args.join(" "))}`, [], async () => {
    await using lab = await TunnelLab.open();
    // Nothing of it is to be this machine's own state.
    const command = withEmptyFolder("/var/lib", [...program(name, SOURCE), ...args]);
    const output = await ending(lab.server.start(command));
    assertOneLine(output, 2, complaint);
    assertMatch(output.stderr, new RegExp(`^simplevpn-${name}: `));
    assertMatch(output.stderr, new RegExp(`\\(try "simplevpn-${name}( [a-z]+)* --help"\\)`));
  });
}

for (const [name, options] of [["server", SERVE_OPTIONS], ["client", CONNECT_OPTIONS]] as const) {
  for (const option of ["--help", "-h"]) {
    await labTest(`simplevpn-${name} ${option} describes every option`, [], async () => {
      await using lab = await TunnelLab.open();
      const { code, stdout, stderr } = await lab.server.try(...program(name, SOURCE), option);
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      for (const { name, help } of options) assertMatch(stdout, new RegExp(`--${name}\\b`), help);
    });
  }

  await labTest(`simplevpn-${name} --version tells the version`, [], async () => {
    await using lab = await TunnelLab.open();
    const { code, stdout, stderr } = await lab.server.try(...program(name, SOURCE), "--version");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertEquals(stdout, `simplevpn-${name} ${project.version}\n`);
  });
}

await labTest("with --json-logs every line is a JSON object", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--json-logs", "--log-level", "debug");
  const client = await lab.addClient();
  const process = lab.launchClient(client, "--json-logs", "--log-level", "debug");
  await process.waitFor(/Connected to/);
  process.kill("SIGUSR2");
  await process.waitFor(/Packets/);
  assertEquals((await process.stop()).code, 0);
  await server.waitFor(/ left/);
  assertEquals((await server.stop()).code, 0);
  for (const line of `${server.stderr}${process.stderr}`.trimEnd().split("\n")) {
    const { level, message } = JSON.parse(line) as Record<string, unknown>;
    assert(typeof level === "string" && typeof message === "string", line);
  }
});

await labTest("with --json-logs a failure is a JSON object too", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.server.run("ip", "tuntap", "add", "mode", "tun", "name", "taken0");
  const output = await ending(
    lab.server.start(lab.serverCommand("--json-logs", "--tun", "taken0")),
  );
  assertOneLine(output, 1, /taken0/);
  JSON.parse(output.stderr);
});

await labTest("--log-level leaves out what is less urgent", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  const process = lab.launchClient(client, "--log-level", "error");
  await server.waitFor(/ joined /);
  assertEquals((await process.stop()).code, 0);
  assertEquals(process.stderr, "");
});

await labTest("--log-file takes all lines, and stderr only why a program ends", [], async () => {
  await using lab = await TunnelLab.open();
  const file = `${lab.lab.folder}/server.log`;
  const server = lab.server.start(lab.serverCommand("--log-file", file));
  const text = await eventually(
    () => Deno.readTextFile(file).catch(() => ""),
    (text) => /Listening on/.test(text),
  );
  assertMatch(text, /Listening on/);
  const second = await ending(lab.server.start(lab.serverCommand("--log-file", file)));
  assertOneLine(second, 1, /^simplevpn-server: Another simplevpn-server is running/);
  assertEquals((await server.stop()).code, 0);
  assertEquals(server.stderr, "");
  assertMatch(
    await Deno.readTextFile(file),
    /ERROR +Another simplevpn-server is(.|\n)*Stopping on/,
  );
});

await labTest("a log file that cannot be written is told in one line", [], async () => {
  await using lab = await TunnelLab.open();
  const process = lab.server.start(lab.serverCommand("--log-file", "/nowhere/log"));
  assertOneLine(await ending(process), 1, /Cannot log to \/nowhere\/log: .* with --log-file/);
});
