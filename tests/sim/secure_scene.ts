/** Worlds with a secure server, and peers that it knows. */
import { toBase64 } from "../../lib/config/base64.ts";
import type { Peer } from "../../lib/config/registry.ts";
import { keyPairOf } from "../../lib/protocol/x25519.ts";
import type { ClientNode } from "./client_node.ts";
import type { Credentials } from "./introducer.ts";
import type { ServerNode, ServerNodeOptions } from "./server_node.ts";
import { World } from "./world.ts";

/** A world with a server that serves secure clients alone. */
export function secureWorld(
  seed = 1,
  options: ServerNodeOptions = {},
): { world: World; server: ServerNode } {
  const world = new World(seed);
  return { world, server: world.startServer({ classic: false, ...options }) };
}

/** A key that nobody knows, and the server's. */
export function strangerTo(world: World, server: ServerNode): Credentials {
  return { identity: keyPairOf(world.random.bytes(32)), servers: [server.door.identity.publicKey] };
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

export function join(
  world: World,
  server: ServerNode,
  name: string,
  change: Partial<Peer> = {},
): ClientNode {
  return world.connectClient({ credentials: enrolled(world, server, name, change) });
}
