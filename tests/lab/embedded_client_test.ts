/** The C client that was written from docs/embedded.md, with the real server. */
import { assertEquals } from "@std/assert";
import { type LabProcess, sleep } from "../../scripts/lab.ts";
import { countersOf } from "./inspection.ts";
import { type ClientMachine, labTest, TunnelLab } from "./tunnel_lab.ts";

const PING = ["ping", "-c", "3", "-i", "0.05", "-W", "2"];
const NEEDS = ["gcc", "ping"];

/** Compiles the client and starts it on a machine. */
async function startEmbedded(
  lab: TunnelLab,
  { machine, server }: ClientMachine,
  ...words: string[]
): Promise<LabProcess> {
  const source = new URL("embedded_client.c", import.meta.url).pathname;
  const program = `${lab.state}-embedded`;
  await machine.run("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", program, source);
  return machine.start([program, server, "2002", ...words]);
}

await labTest("an embedded client is given an address, and answers pings", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const [device, client] = [await lab.addClient(), await lab.addClient()];
  const embedded = await startEmbedded(lab, device);
  const [, address] = await embedded.waitFor(/address ([0-9.]+)/);
  assertEquals(address, "10.0.255.254");
  await lab.server.run(...PING, address!);
  await lab.startClient(client);
  await client.machine.run(...PING, address!);
  // Packets that come faster than the client reads come joined and cut.
  await lab.server.run("ping", "-c", "300", "-f", "-s", "1400", "-W", "2", address!);
});

await labTest("an embedded client asks for its address again after a restart", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const embedded = await startEmbedded(lab, await lab.addClient(), "10.0.7.7");
  await embedded.waitFor(/address 10\.0\.7\.7/);
  await server.stop();
  await embedded.waitFor(/disconnected/);
  const from = embedded.stderr.length;
  await lab.startServer();
  await embedded.waitFor(/address 10\.0\.7\.7/, 10_000, from);
  await lab.server.run(...PING, "10.0.7.7");
});

await labTest("an embedded client keeps its connection alive", NEEDS, async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--timeout", "1");
  const embedded = await startEmbedded(lab, await lab.addClient(), "10.0.7.7", "300");
  await embedded.waitFor(/address/);
  await sleep(2000);
  await lab.server.run(...PING, "10.0.7.7");
  assertEquals(embedded.stderr.includes("disconnected"), false);
  assertEquals((await countersOf(server)).drops.stray_control ?? 0, 0);
});
