/** A server with several addresses, not all of which work. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { CONNECT_TIMEOUT } from "../../lib/session/limits.ts";
import {
  joinByName,
  launchByName,
  losePackets,
  type Loss,
  NAME,
  packetsLost,
} from "./server_name.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

/** Tells when the client began to connect as well. */
const TIMED = ["--log-level", "debug", "--json-logs"];

/** A listener on one address that takes connections, says `words` and tells when one has ended. */
async function listenMute(machine: Machine, hostname: string, words = ""): Promise<LabProcess> {
  const code = `const listener = Deno.listen({ hostname: "${hostname}", port: 2002 });
    console.error("ready");
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("${words}"));
      const bytes = new Uint8Array(4096);
      while (await connection.read(bytes).catch(() => null) !== null);
      console.error("ended");
    }`;
  const process = machine.start([Deno.execPath(), "eval", code]);
  await process.waitFor(/ready/);
  return process;
}

/** Waits until a client that was started with TIMED is connected, from the character `from` on. */
async function timedConnection(
  process: LabProcess,
  milliseconds = 10_000,
  from = 0,
): Promise<void> {
  await process.waitFor(/"message":"Connected to .*\n/, milliseconds, from);
}

/** Asserts that such a client connected to an address, and waited for no timeout before. */
async function assertRaced(process: LabProcess, host: string): Promise<void> {
  await timedConnection(process);
  assertEquals(process.stderr.includes("No connection"), false, process.stderr);
  const begun = loggedLine(process, "addresses");
  const done = loggedLine(process, "tun");
  assertEquals(done.server, `${host}:2002`);
  const took = Date.parse(done["@timestamp"]!) - Date.parse(begun["@timestamp"]!);
  assert(took < CONNECT_TIMEOUT / 2, `${took} ms`);
}

/** The first line that tells this value. */
function loggedLine({ stderr }: LabProcess, key: string): Record<string, string> {
  const line = stderr.split("\n").find((line) => line.includes(`"${key}":`));
  return JSON.parse(line!);
}

function textOf(client: ClientMachine, family: "ip" | "ip6"): string {
  return family === "ip" ? client.server : `[${client.server6}]`;
}

for (const loss of ["requests", "answers"] as Loss[]) {
  for (const [dead, alive] of [["ip", "ip6"], ["ip6", "ip"]] as const) {
    const what = `${dead === "ip" ? "IPv4" : "IPv6"} ${loss} vanish`;
    await labTest(`a client connects by the other family when ${what}`, ["nft"], async () => {
      await using lab = await TunnelLab.open();
      const server = await lab.startSecureServer();
      const client = await lab.addClient();
      await losePackets(lab, dead, loss);
      // IPv6 comes first wherever there is a way.
      const both = [client.server, client.server6];
      const { process } = await joinByName(lab, client, both, ...TIMED);
      await assertRaced(process, textOf(client, alive));
      assertEquals(await packetsLost(lab, dead) > 0, dead === "ip6");
      const joins = server.stderr.match(/joined from/g);
      assertEquals(joins?.length, 1, server.stderr);
    });
  }
}

await labTest("a classic client connects by IPv4 when IPv6 requests vanish", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  await losePackets(lab, "ip6", "requests");
  const both = [client.server, client.server6];
  const { process } = await launchByName(lab, client, both, ...TIMED);
  await assertRaced(process, client.server);
});

for (const [kind, result] of [["blackhole", "EINVAL"], ["unreachable", "EHOSTUNREACH"]] as const) {
  await labTest(`a client passes over an address whose route is ${kind}`, [], async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer();
    const client = await lab.addClient();
    const lost = "2001:db8:ffff::1";
    await client.machine.run("ip", "-6", "route", "add", kind, `${lost}/128`);
    const { process } = await joinByName(lab, client, [lost, client.server], ...TIMED);
    await assertRaced(process, client.server);
    const from = process.stderr.length;
    await server.stop();
    const told = await process.waitFor(/No connection to .*; trying on/, undefined, from);
    assertStringIncludes(told[0], `[${lost}]:2002 over TCP`);
    assertStringIncludes(told[0], result);
    assertMatch(told[0], /198\.51\.100\.5:2002 over TCP: .*ECONNREFUSED/);
  });
}

for (const words of ["", "SSH-2.0-banner\\r\\n"]) {
  const what = words === "" ? "says nothing" : "is no server";
  await labTest(`a client goes on when what takes its connection ${what}`, [], async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const mute = await listenMute(lab.server, client.server6, words);
    await lab.startSecureServer("--listen", client.server);
    const both = [client.server6, client.server];
    const { process } = await joinByName(lab, client, both, ...TIMED);
    await assertRaced(process, client.server);
    await mute.waitFor(/ended/);
  });
}

await labTest("a client tells in one line of all addresses that are dead", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const client = await lab.addClient();
  await losePackets(lab, "ip", "requests");
  await losePackets(lab, "ip6", "requests");
  const { process } = await joinByName(lab, client, [client.server6, client.server]);
  const [line] = await process.waitFor(/No connection to .*; trying on/, 20_000);
  const over = (carrier: string): string =>
    [client.server, `[${client.server6}]`].map((host) => `${host}:2002 over ${carrier}`).join(", ");
  assertStringIncludes(
    line,
    `No connection to ${NAME} port 2002: ${over("TCP")}: no answer within 5 s; ${over("UDP")}: ` +
      "the server did not answer the handshake: is UDP let through, does it know this client, and " +
      "is the server key right?; trying on",
  );
  await lab.server.run("nft", "delete", "table", "ip", "hole");
  await connected(process, 20_000);
  assertEquals(process.stderr.match(/No connection/g)?.length, 1, process.stderr);
});

await labTest("a client begins with the address that worked last", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  await losePackets(lab, "ip6", "requests");
  const both = [client.server, client.server6];
  const { process } = await joinByName(lab, client, both, ...TIMED);
  await assertRaced(process, client.server);
  const from = process.stderr.length;
  await server.stop();
  await lab.startSecureServer();
  await timedConnection(process, 20_000, from);
  const order = `${client.server}:2002, [${client.server6}]:2002`;
  assertStringIncludes(process.stderr.slice(from), order);
});

await labTest("no route leads into the tunnel to any of the server's addresses", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await lab.startSecureServer("--route", "198.51.0.0/16", "--route", "203.0.113.0/24");
  const { process } = await joinByName(lab, client, [client.server6, client.server]);
  const { tun } = await connected(process);
  assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002`);
  const told = `The server (${client.server}) lies itself in 198.51.0.0/16: left out`;
  assertStringIncludes(process.stderr, told);
  const routes = await client.machine.run("ip", "route", "show", "dev", tun);
  assertMatch(routes, /^203\.0\.113\.0\/24 /m);
  assertEquals(routes.includes("198.51.0.0/16"), false, routes);
});
