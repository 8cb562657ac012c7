/** What many tests begin with. */
import { toBase64 } from "../../lib/config/base64.ts";
import type { Peer } from "../../lib/config/registry.ts";
import { keyPairOf } from "../../lib/protocol/x25519.ts";
import type { ClientNode } from "./client_node.ts";
import type { Credentials } from "./introducer.ts";
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

/** A key that nobody knows, and the server's. */
export function strangerTo(world: World, server: ServerNode): Credentials {
  return { identity: keyPairOf(world.random.bytes(32)), server: server.door.identity.publicKey };
}

/** A key that the server knows under a name. */
export function enrolled(
  world: World,
  server: ServerNode,
  name: string,
  change: Partial<Peer> = {},
): Credentials {
  const credentials = strangerTo(world, server);
  server.door.change((registry) =>
    registry.addPeer({
      name,
      publicKey: toBase64(credentials.identity.publicKey),
      address: undefined,
      routes: [],
      enabled: true,
      isolated: false,
      created: 0,
      ...change,
    })
  );
  return credentials;
}
