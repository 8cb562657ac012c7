/** The secure mode over UDP, on the real thing. */
import { assert, assertEquals } from "@std/assert";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const PING = ["ping", "-c", "3", "-i", "0.1", "-W", "2"];

await labTest("a client joins over UDP, and nothing of it goes over TCP", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  const { process, address } = await lab.join(client, "pi", "-u");
  assertEquals(address, "10.0.0.2");
  await client.machine.run(...PING, "10.0.0.1");
  await lab.server.run(...PING, address);
  const sockets = await lab.server.run("ss", "-Htn", "state", "established");
  assertEquals(sockets.trim(), "");
  await process.stop();
  await server.waitFor(/pi \(10\.0\.0\.2\) left: left/);
  assert(true);
});
