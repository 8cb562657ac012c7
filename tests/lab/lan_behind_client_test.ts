/** Networks behind clients: who reaches them, and the routes that lead there. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { program } from "../../scripts/program.ts";
import {
  addInternet,
  addNeighbour,
  addressesOf,
  gatewayState,
  INTERNET,
  networksOf,
  reaches,
  serveWhoami,
  whoAmI,
} from "./gateway_lab.ts";
import { eventually, networkState } from "./inspection.ts";
import { iperf } from "./iperf.ts";
import { type ClientMachine, connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const PLANT = 7;
const OFFICE = 8;

const PUSHED = [PLANT, OFFICE].flatMap(networksOf).flatMap((network) => ["--route", network]);
const BEHIND_PI = networksOf(PLANT).flatMap((network) => ["--route", network]);

/** Firewalls like this one keep senders from hearing that their packets are too long. */
const NO_ERRORS = `table inet lab {
  chain in {
    type filter hook input priority 0
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}`;

/** Starts the client that is a gateway of the network behind it. */
async function startGateway(lab: TunnelLab, client: ClientMachine, option: string): Promise<void> {
  const invite = await lab.invite(client, "pi", ...BEHIND_PI);
  await connected(client.machine.start(lab.secureCommand(client, invite, option)));
}

await labTest(
  "a LAN behind a client is reached by one option there, from the server, clients and beyond",
  ["nft", "python3", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const [pi, laptop] = [await lab.addClient(), await lab.addClient()];
    const plant = await addNeighbour(lab, "plant", pi.machine, PLANT);
    const office = await addNeighbour(lab, "office", lab.server, OFFICE);
    // The plant's machines know of nothing but their own network.
    for (const version of ["-4", "-6"]) {
      await plant.machine.run("ip", version, "route", "flush", "default");
    }
    await serveWhoami(plant.machine);
    const before = await gatewayState(pi.machine);
    await lab.startSecureServer("--forward", ...PUSHED);
    const invite = await lab.invite(pi, "pi", ...BEHIND_PI);
    const gateway = pi.machine.start(lab.secureCommand(pi, invite, "--nat"));
    await connected(gateway);
    await lab.join(laptop, "laptop");
    for (const from of [lab.server, laptop.machine, office.machine]) {
      for (const [i, address] of addressesOf(PLANT).entries()) {
        const seen = [`192.168.${PLANT}.1`, `2001:db8:a:${PLANT}::1`][i];
        assertEquals(await whoAmI(from, "tcp", address), seen);
        assertEquals(await whoAmI(from, "udp", address), seen);
        assert(await reaches(from, address), address);
      }
    }
    assert(!gateway.stderr.includes("route"), gateway.stderr);
    assertEquals((await gateway.stop()).code, 0, gateway.stderr);
    assertEquals(await gatewayState(pi.machine), before);
  },
);

await labTest(
  "a killed client's gateway is undone by the next start, and by cleanup",
  ["nft"],
  async () => {
    await using lab = await TunnelLab.open();
    const pi = await lab.addClient();
    await lab.startSecureServer();
    const before = await gatewayState(pi.machine);
    const { process } = await lab.join(pi, "pi", "--forward");
    assert(await gatewayState(pi.machine) !== before);
    await process.stop("SIGKILL");
    const next = pi.machine.start(lab.secureCommand(pi, "--nat"));
    await connected(next);
    const running = await gatewayState(pi.machine);
    await cleanUp(lab, pi);
    assertEquals(await gatewayState(pi.machine), running);
    await next.stop("SIGKILL");
    const another = pi.machine.start(lab.secureCommand(pi));
    await connected(another);
    await another.stop();
    assertEquals(await gatewayState(pi.machine), before);

    const last = pi.machine.start(lab.secureCommand(pi, "--nat"));
    await connected(last);
    await last.stop("SIGKILL");
    assertNotEquals(await gatewayState(pi.machine), before);
    await cleanUp(lab, pi);
    assertEquals(await gatewayState(pi.machine), before);
  },
);

await labTest(
  "streams from a LAN behind a client to the internet behind the server fit the tunnel",
  ["nft", "python3", "iperf3"],
  async () => {
    await using lab = await TunnelLab.open();
    const pi = await lab.addClient();
    const internet = await addInternet(lab);
    const plant = await addNeighbour(lab, "plant", pi.machine, PLANT);
    for (const { machine } of [internet, plant]) await machine.run("nft", NO_ERRORS);
    await lab.startSecureServer(
      "--nat",
      "--route",
      "203.0.113.0/24",
      "--route",
      "2001:db8:ff::/64",
    );
    const invite = await lab.invite(pi, "pi", ...BEHIND_PI);
    await connected(pi.machine.start(lab.secureCommand(pi, invite, "--forward", "-u")));
    for (const address of INTERNET) {
      for (const direction of [[], ["-R"]]) {
        const options = ["-n", "20M", ...direction];
        const { sum_received } = await iperf(plant.machine, internet.machine, address, ...options);
        assert(sum_received.bytes >= 10e6, `${sum_received.bytes}`);
      }
    }
  },
);

await labTest("the server's routes follow the networks of its peers", [], async () => {
  await using lab = await TunnelLab.open();
  const [pi] = [await lab.addClient()];
  await addNeighbour(lab, "office", lab.server, OFFICE);
  const before = await networkState(lab.server);
  const server = await lab.startSecureServer();
  const without = await routes(lab);
  await startGateway(lab, pi, "--forward");
  for (const network of networksOf(PLANT)) {
    assertMatch(
      await eventually(() => routes(lab), (text) => text.includes(network)),
      new RegExp(`^${network} proto 202 `, "m"),
    );
  }
  await lab.manage(
    "peers",
    "set",
    "pi",
    "--route",
    "192.168.99.0/24",
    "--route",
    networksOf(OFFICE)[0],
  );
  await server.waitFor(
    /does not route 192\.168\.8\.0\/24, which is behind a peer, .* eth\d is in 192\.168\.8\.0/,
  );
  const isChanged = (text: string): boolean =>
    text.includes("192.168.99.0") && !networksOf(PLANT).some((network) => text.includes(network));
  const changed = await eventually(() => routes(lab), isChanged);
  assertMatch(changed, /^192\.168\.99\.0\/24 proto 202 /m);
  for (const network of networksOf(PLANT)) assert(!changed.includes(network), changed);
  await lab.manage("peers", "disable", "pi");
  assertEquals(await eventually(() => routes(lab), (text) => text === without), without);
  await server.stop();
  assertEquals(await networkState(lab.server), before);
});

/** Undoes what a killed client left on its machine. */
async function cleanUp(lab: TunnelLab, client: ClientMachine): Promise<void> {
  const [, state] = lab.secureCommand(client).slice(-2);
  await client.machine.run(...program("client", SOURCE), "cleanup", "--state", state!);
}

/** Routes through the tunnel. */
async function routes({ server }: TunnelLab): Promise<string> {
  const show = ["route", "show", "dev", "simplevpn0", "type", "unicast"];
  return await server.run("ip", ...show) + await server.run("ip", "-6", ...show);
}
