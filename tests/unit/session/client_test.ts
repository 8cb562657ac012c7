import { assertEquals } from "@std/assert";
import { parseIpv4 } from "../../../lib/address/ipv4_address.ts";
import { Segmenter } from "../../../lib/packet/segmentation.ts";
import { nodeCipher } from "../../../lib/protocol/node_cipher.ts";
import { Batches } from "../../../lib/session/batches.ts";
import { Client } from "../../../lib/session/client.ts";
import type { ClientEvent } from "../../../lib/session/client_event.ts";
import { Counters } from "../../../lib/session/counters.ts";

const TRANSPORT = {
  remote: "",
  roundTrip: undefined,
  send: () => true,
  hasRoom: () => true,
  mute: () => {},
  abort: () => {},
  close: () => {},
  unitLimit: Infinity,
  quality: () => ({ segments: 0, repeats: 0, acknowledged: 0, isPending: false }),
};

/** The events of a classic client whose first connection ends before it is given its address. */
function afterFirstEnd(orderly: boolean): string[] {
  const events: ClientEvent[] = [];
  const nothing = (): void => {};
  let number = 0;
  const client: Client = new Client(
    {
      classic: true,
      servers: 1,
      carriers: ["tcp"],
      address: parseIpv4("10.0.0.7"),
      timing: { keepalive: 15_000, timeout: 30_000 },
    },
    {
      resolve: (question) => client.resolved(question, ["server"], 0),
      connect: (link) => number = link,
      abandon: nothing,
      requestHello: nothing,
      requestRekey: nothing,
      complete: nothing,
      forget: nothing,
      toTun: nothing,
      report: (event) => events.push(event),
      random: () => 0,
    },
    {
      suite: nodeCipher,
      batches: new Batches(new Uint8Array(2 * Batches.SLOT), 0, 2),
      counters: new Counters(),
      capabilities: 0,
      segmenter: new Segmenter(),
      clock: { now: 0 },
    },
  );
  client.advance(0);
  client.connected(number, TRANSPORT, 0).disconnected("it ended", 0, orderly);
  client.advance(0);
  return events.map(({ type }) => type);
}

Deno.test("a classic server that closes refuses an address; a connection that breaks does not", () => {
  assertEquals(afterFirstEnd(true), ["gave_up"]);
  assertEquals(afterFirstEnd(false), ["failed"]);
});
