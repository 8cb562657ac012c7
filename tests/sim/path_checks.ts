import { assert, assertEquals } from "@std/assert";
import { formatIpv4, parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { readUint32 } from "../../lib/packet/ipv4.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import type { ClientNode } from "./client_node.ts";
import type { ServerNode } from "./server_node.ts";
import type { World } from "./world.ts";

/** The server's inner address. */
export const SERVER = "10.0.0.1";

const SOURCE = 12;
const DESTINATION = 16;
const PAYLOAD = 20;

/** Events of one client in a second, on average over a run: nothing goes round in circles. */
const MOST_EVENTS = 1;

/**
 * What always holds of a server and its clients: what they tell, what they hand to their TUN devices, and
 * the server's routing table. A packet's payload begins with its sender's number among the clients, or
 * how many there are if the server sent it.
 */
export class PathChecks {
  readonly #world: World;
  readonly #server: ServerNode;
  readonly #clients: readonly ClientNode[];
  readonly #names: readonly string[];
  readonly #begun: number;

  /** @param names of the clients; of one name are those with the same identity */
  constructor(
    world: World,
    server: ServerNode,
    clients: readonly ClientNode[],
    names: readonly string[],
  ) {
    this.#world = world;
    this.#server = server;
    this.#clients = clients;
    this.#names = names;
    this.#begun = world.clock.now;
  }

  /** Fails if something is not as it may ever be; packets that were looked at are forgotten. */
  run(): void {
    const [server, clients, world] = [this.#server, this.#clients, this.#world];
    assertEquals(server.table.size, server.held.size, "who is there has an address, nobody else");
    for (const address of server.held) assert(server.table.holderOf(address) !== undefined);
    const seconds = (world.clock.now - this.#begun) / 1000;
    for (const [i, client] of clients.entries()) {
      pathsOf(client);
      assert(client.events.length < MOST_EVENTS * (seconds + 60), `${client.events.length} events`);
      const own = this.#addressesOf(this.#names[i]!);
      for (const packet of client.tun) assert(own.has(readUint32(packet, DESTINATION)));
    }
    for (const { tun } of [server, ...clients]) {
      for (const packet of tun) this.#checkSource(packet);
      tun.length = 0;
    }
    world.network.datagrams.sent.length = 0;
  }

  #checkSource(packet: Uint8Array): void {
    const sender = packet[PAYLOAD]!;
    const own = sender < this.#names.length
      ? this.#addressesOf(this.#names[sender]!)
      : new Set([parseIpv4(SERVER)]);
    assert(own.has(readUint32(packet, SOURCE)), "a packet has the address of its sender");
  }

  /** All that the client, or one of the two, of this name ever had. */
  #addressesOf(name: string): Set<number> {
    const owners = this.#clients.filter((_, i) => this.#names[i]! === name);
    return new Set(
      owners.flatMap(({ events }) =>
        events.flatMap((it) => "configuration" in it ? [it.configuration!.address.address] : [])
      ),
    );
  }
}

/** Where a packet says that it comes from. */
export function sourceOf(packet: Uint8Array): string {
  return formatIpv4(readUint32(packet, SOURCE));
}

/** The paths that a client has, by what it told; fails if that makes no sense. */
export function pathsOf({ events }: ClientNode): Set<Carrier> {
  const paths = new Set<Carrier>();
  for (const event of events) {
    if (event.type === "up") assertEquals(paths.size, 0);
    if (event.type === "up" || event.type === "path_up") {
      assert(!paths.has(event.carrier));
      paths.add(event.carrier);
    } else if (event.type === "path_down") {
      assert(paths.delete(event.carrier) && paths.size > 0);
    } else if (event.type === "moved") {
      assert(paths.has(event.carrier), "packets move to a path that is there");
    } else if (event.type === "down") {
      assert(paths.size > 0);
      paths.clear();
    }
  }
  return paths;
}
