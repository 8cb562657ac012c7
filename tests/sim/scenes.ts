/** What many tests begin with. */
import type { ClientNode } from "./client_node.ts";
import { reply } from "./packets.ts";
import type { Puppet, PuppetServer } from "./puppet.ts";
import type { ServerNode } from "./server_node.ts";
import { World } from "./world.ts";

/** A server with the clients 10.0.0.7 and 10.0.0.8. */
export function connectPair(): {
  world: World;
  server: ServerNode;
  first: ClientNode;
  second: ClientNode;
} {
  const world = new World();
  const server = world.startServer();
  const first = world.connectClient({ address: "10.0.0.7" });
  const second = world.connectClient({ address: "10.0.0.8" });
  return { world, server, first, second };
}

/** A client that a puppet in a server's place is to answer. */
export function askPuppet(seed?: number): {
  world: World;
  client: ClientNode;
  server: PuppetServer;
  puppet: Puppet;
} {
  const world = new World(seed);
  const server = world.startPuppetServer();
  const client = world.startClient();
  world.clock.waitUntil(() => server.puppets.length > 0);
  return { world, client, server, puppet: server.puppets[0]! };
}

/** A client that a puppet gave the address 10.0.0.7; the puppet says no more by itself. */
export function joinPuppetServer(): { world: World; client: ClientNode; puppet: Puppet } {
  const { world, client, puppet } = askPuppet();
  puppet.send(reply("10.0.0.7"));
  world.clock.waitUntil(() => client.isUp);
  puppet.packets.length = 0;
  return { world, client, puppet };
}
