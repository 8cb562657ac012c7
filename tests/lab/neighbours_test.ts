/** Clients beside each other on one machine, and beside a LAN with the same addresses. */
import { assert, assertEquals } from "@std/assert";
import { networkState } from "./inspection.ts";
import { connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const PING = ["ping", "-c", "2", "-i", "0.1", "-W", "2"];

await labTest("two clients on one machine are both usable", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { machine } = client;
  const first = await lab.startClient(client);
  const second = await lab.startClient(client);
  assertEquals([first.tun, second.tun], ["simplevpn0", "simplevpn1"]);
  assert(first.address !== second.address);
  for (const { address, tun } of [first, second]) {
    await machine.run(...PING, "-I", tun, "10.0.0.1");
    await machine.run(...PING, "-I", address, "10.0.0.1");
    await lab.server.run(...PING, address);
  }
  await machine.run(...PING, "10.0.0.1");
});

await labTest("of two clients on one machine, each outlives the other", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const before = await networkState(client.machine);
  const first = await lab.startClient(client);
  const second = await lab.startClient(client);
  await first.process.stop();
  await client.machine.run(...PING, "10.0.0.1");
  await lab.server.run(...PING, second.address);
  const third = await lab.startClient(client);
  assertEquals(third.address, first.address);
  await second.process.stop();
  await client.machine.run(...PING, "10.0.0.1");
  await lab.server.run(...PING, third.address);
  await third.process.stop();
  assertEquals(await networkState(client.machine), before);
});

await labTest(
  "two clients on one machine keep their addresses over a restart",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    const sessions = [await lab.startClient(client), await lab.startClient(client)];
    const from = sessions.map(({ process }) => process.stderr.length);
    await server.stop();
    await lab.startServer();
    for (const [i, { process, address, tun }] of sessions.entries()) {
      const again = await connected(process, undefined, from[i]);
      assertEquals([again.address, again.tun], [address, tun]);
      await client.machine.run(...PING, "-I", tun, "10.0.0.1");
      await lab.server.run(...PING, address);
    }
  },
);

await labTest(
  "a LAN with the addresses of the tunnel's network stays usable",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const client = await lab.addClient();
    const neighbour = await lab.lab.machine("neighbour");
    // The LAN takes the server's inner address as well.
    await lab.lab.cable(client.machine, ["10.0.0.2/24"], neighbour, ["10.0.0.3/24"]);
    const { address, tun } = await lab.startClient(client);
    await client.machine.run(...PING, "10.0.0.3");
    await client.machine.run(...PING, "-I", tun, "10.0.0.1");
    await client.machine.run(...PING, "-I", address, "10.0.0.1");
    await lab.server.run(...PING, address);
  },
);

await labTest("a client on the server's own machine can be reached", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const process = lab.server.start(lab.clientCommand(client, "-s", "127.0.0.1"));
  const own = await connected(process);
  const { address } = await lab.startClient(client);
  await client.machine.run(...PING, own.address);
  await lab.server.run(...PING, address);
});
