/** A client whose machine changes its network, on the real thing. */
import { assert, assertEquals } from "@std/assert";
import { type Machine, sleep } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import { assertFlows, startStream } from "./steady_stream.ts";
import {
  type ClientMachine,
  connected,
  type ConnectedClient,
  labTest,
  TunnelLab,
} from "./tunnel_lab.ts";

/** Where the server is, whichever way one goes there. */
const SERVER = { 4: "192.0.2.1", 6: "2001:db8:ffff::1" } as const;
const INNER = "10.0.0.1";

/** Well below the 25 s and more after which a client notices by itself that it is alone. */
const SOON = 10_000;

/** A client's machine with two cables that lead to the server: the default routes go by the first. */
interface Roamer {
  lab: TunnelLab;
  client: ClientMachine;
  /** Names of the machine's ends. */
  cables: readonly [string, string];
  joined: ConnectedClient;
}

async function openRoamer(
  family: 4 | 6,
  test: (roamer: Roamer) => Promise<void>,
  ...options: string[]
): Promise<void> {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const second = await lab.lab.cable(
    lab.server,
    ["203.0.113.1/24", "2001:db8:b::1/64"],
    client.machine,
    ["203.0.113.2/24", "2001:db8:b::2/64"],
  );
  for (const address of [`${SERVER[4]}/32`, `${SERVER[6]}/128`]) {
    await lab.server.run("ip", "address", "add", address, "dev", "lo");
  }
  await addDefaults(client.machine, client.server, client.server6, "10");
  await addDefaults(client.machine, "203.0.113.1", "2001:db8:b::1", "20");
  await lab.startSecureServer();
  const host = SERVER[family];
  const invite = await lab.manage("invite", "pi", "--host", host, "--no-qr");
  const command = lab.secureCommand(client, invite.trim(), "--log-level", "debug", ...options);
  const process = client.machine.start(command);
  const joined = { process, ...await connected(process) };
  if (options.length === 0) await process.waitFor(/The server is reached over (TCP|UDP) as well/);
  await test({ lab, client, cables: [client.interface, second.other], joined });
}

async function addDefaults(
  machine: Machine,
  via4: string,
  via6: string,
  metric: string,
): Promise<void> {
  await machine.run("ip", "route", "add", "default", "via", via4, "metric", metric);
  await machine.run("ip", "-6", "route", "add", "default", "via", via6, "metric", metric);
}

/** Waits until the tunnel carries a ping, and asserts that this is soon. */
async function assertBackSoon(machine: Machine, what: string): Promise<void> {
  const begin = Date.now();
  const ping = async (): Promise<boolean> =>
    (await machine.try("ping", "-c", "1", "-W", "1", INNER)).success;
  assert(await eventually(ping, (answered) => answered, SOON), "no ping came back in time");
  console.log(`${what}: first pong after ${Date.now() - begin} ms`);
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(new RegExp(pattern, "g"))?.length ?? 0;
}

for (const family of [4, 6] as const) {
  for (
    const options of [["--tcp"], ["-u"], [], ["--tcp", "--full-tunnel"], ["-u", "--full-tunnel"]]
  ) {
    const name = `IPv${family} ${options.join(" ") || "TCP and UDP"}`;
    await labTest(
      `a client whose cable is pulled goes on by another one at once (${name})`,
      ["ping"],
      () =>
        openRoamer(family, async ({ lab, client: { machine }, cables, joined }) => {
          const stream = await startStream(machine, joined.address, lab.server);
          await machine.run("ip", "link", "set", cables[0], "down");
          await assertBackSoon(machine, `${name}, interface down`);
          await assertFlows(stream);
          await joined.process.waitFor(/This machine's network changed/);
          const { stderr } = joined.process;
          // A session over UDP lives on, from the new address.
          const lost = countOf(stderr, /Lost the connection: /);
          assertEquals(lost, options[0] === "--tcp" ? 1 : 0, stderr);
        }, ...options),
    );

    await labTest(
      `a client whose address is replaced by another is back at once (${name})`,
      ["ping"],
      () =>
        openRoamer(family, async ({ lab, client, cables: [cable, other], joined }) => {
          const { machine } = client;
          await machine.run("ip", "link", "set", other, "down");
          await joined.process.waitFor(/This machine's network changed/);
          const stream = await startStream(machine, joined.address, lab.server);
          await renumber(lab, client, cable);
          await assertBackSoon(machine, `${name}, other address`);
          await assertFlows(stream);
        }, ...options),
    );
  }
}

/** As DHCP does it in another network: the address goes, with the routes, and another comes. */
async function renumber(lab: TunnelLab, client: ClientMachine, cable: string): Promise<void> {
  const { machine } = client;
  const near = (await lab.server.run("ip", "-o", "address")).match(
    new RegExp(`(eth\\d+) +inet ${client.server.replaceAll(".", "\\.")}/`),
  )![1]!;
  await lab.server.run("ip", "address", "add", "198.18.0.1/24", "dev", near);
  await lab.server.run("ip", "address", "add", "2001:db8:c::1/64", "dev", near, "nodad");
  await machine.run("ip", "address", "flush", "dev", cable);
  await machine.run("ip", "address", "add", "198.18.0.2/24", "dev", cable);
  await machine.run("ip", "address", "add", "2001:db8:c::2/64", "dev", cable, "nodad");
  await machine.try("ip", "route", "del", "default");
  await machine.try("ip", "-6", "route", "del", "default");
  await addDefaults(machine, "198.18.0.1", "2001:db8:c::1", "10");
}

await labTest(
  "a client waiting for a network connects as soon as there is one",
  [],
  () =>
    openRoamer(4, async ({ client: { machine }, cables, joined: { process } }) => {
      for (const cable of cables) await machine.run("ip", "link", "set", cable, "down");
      await process.waitFor(/Lost the connection: /, SOON);
      // Pauses have grown by then.
      await sleep(5_000);
      const from = process.stderr.length;
      await machine.run("ip", "link", "set", cables[1], "up");
      await machine.run("ip", "route", "add", "default", "via", "203.0.113.1");
      await connected(process, SOON, from);
    }),
);

await labTest(
  "changes that are no concern of the tunnel's change nothing",
  ["ping"],
  () =>
    openRoamer(4, async ({ lab, client: { machine }, joined: { process, address } }) => {
      const stream = await startStream(machine, address, lab.server);
      const from = process.stderr.length;
      for (let i = 0; i < 5; i++) {
        await machine.run("ip", "link", "add", "docker0", "type", "bridge");
        await machine.run("ip", "address", "add", "172.17.0.1/16", "dev", "docker0");
        await machine.run("ip", "link", "set", "docker0", "up");
        await machine.run("ip", "link", "add", "vethA", "type", "veth", "peer", "name", "vethB");
        await machine.run("ip", "link", "set", "vethA", "master", "docker0");
        for (const name of ["vethA", "vethB"]) await machine.run("ip", "link", "set", name, "up");
        await machine.run("ip", "route", "add", "172.18.0.0/16", "dev", "docker0");
        await sleep(300);
        await machine.run("ip", "link", "del", "vethA");
        await machine.run("ip", "link", "del", "docker0");
      }
      // Longer than paths have to answer.
      await sleep(7_000);
      await assertFlows(stream);
      const said = process.stderr.slice(from).split("\n")
        .filter((line) => line !== "" && !line.includes("network changed"));
      assertEquals(said, []);
      assertEquals(countOf(process.stderr, /This machine's network changed/) > 0, true);
    }),
);

await labTest(
  "more changes than the kernel keeps count as a change, and end nothing",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const probe = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi"]
      .concat(new URL("monitor_probe.ts", import.meta.url).pathname);
    const given: (number | "some")[] = JSON.parse(await lab.server.run(...probe));
    assert(given.includes("some"), `${given}`);
    assert(given.length < 200, `${given}`);
  },
);
