import { assertEquals } from "@std/assert";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

await labTest(
  "a client reaches the server through the tunnel, and the server it",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const client = await lab.addClient();
    const { address } = await lab.startClient(client);
    await client.machine.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "10.0.0.1");
    await lab.server.run("ping", "-c", "3", "-i", "0.1", "-W", "2", address);
    assertEquals(address, "10.0.255.254");
  },
);
