import { assert, assertEquals } from "@std/assert";
import { Chaos } from "./chaos.ts";
import { ipv4Packet, summaries } from "./packets.ts";

/** Ten clients, two of which demand an address, where there is room for many. */
function roomy(seed: number): Chaos {
  const addresses = ["10.0.0.50", "10.0.0.60", ...Array(8).fill(undefined)];
  return new Chaos(seed, { network: "10.0.0.0/24" }, addresses);
}

/** Ten clients where there is room for 29, and for a few strangers. */
function narrow(seed: number): Chaos {
  const options = { network: "10.0.0.0/27", maxConnections: 40 };
  return new Chaos(seed, options, Array(10).fill(undefined));
}

/** Each client sends a packet to each other one, and to the server. */
function exchange({ world, server, clients }: Chaos): void {
  const addresses = clients.map(({ address }) => address).sort();
  for (const { tun } of [server, ...clients]) tun.length = 0;
  for (const client of clients) {
    for (const destination of ["10.0.0.1", ...addresses]) {
      if (destination !== client.address) client.send(ipv4Packet(client.address, destination));
    }
  }
  world.settle();
  assertEquals(summaries(server.tun).sort(), addresses.map((source) => `${source} > 10.0.0.1`));
  for (const { address, tun } of clients) {
    const others = addresses.filter((other) => other !== address);
    assertEquals(summaries(tun).sort(), others.map((source) => `${source} > ${address}`));
  }
}

for (const [name, start, capacity] of [["roomy", roomy, 253], ["narrow", narrow, 29]] as const) {
  for (const seed of [1, 2, 3, 4, 5]) {
    Deno.test(`a ${name} network comes to order after any mishaps (seed ${seed})`, () => {
      const chaos = start(seed);
      chaos.run(400);
      chaos.heal();
      chaos.checkClients();
      assert(chaos.clients.every(({ isUp }) => isUp), "every client is connected in the end");
      assertEquals(chaos.server.held.size, chaos.clients.length);
      exchange(chaos);
      assertEquals(chaos.drain(), capacity - chaos.clients.length);
    });
  }
}

Deno.test("the same seed gives the same mishaps and the same outcome, another seed others", () => {
  const traces = [1, 1, 2].map((seed) => {
    const chaos = narrow(seed);
    chaos.run(100);
    return chaos.trace();
  });
  assertEquals(traces[0], traces[1]);
  assert(traces[0] !== traces[2]);
});
