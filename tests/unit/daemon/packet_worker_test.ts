import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../daemon/failure.ts";
import { PacketWorker } from "../../../daemon/packet_worker.ts";
import type { Order, Speech } from "./obedient_worker.ts";

type ObedientWorker = PacketWorker<Int32Array, Order, Speech>;

function startWorker(
  receive: (speech: Speech) => void,
  flag = new Int32Array(new SharedArrayBuffer(4)),
): ObedientWorker {
  const module = new URL("./obedient_worker.ts", import.meta.url);
  return new PacketWorker(module, "tun0", flag, receive);
}

Deno.test("a packet worker answers while its loop goes round, and not while it hangs", async () => {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = startWorker(() => {}, flag);
  await worker.answer();
  await worker.answer();
  worker.post({ type: "hang" });
  let answers = 0;
  const asked = [worker.answer(), worker.answer()].map((answer) => answer.then(() => answers++));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(answers, 0);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  await Promise.all(asked);
  assertEquals(answers, 2);
  worker.stop();
  await worker.stopped;
});

Deno.test("a message of a packet worker that cannot be followed is a failure, and no exception", async () => {
  const worker = startWorker(() => {
    throw new RangeError("too far");
  });
  worker.post({ type: "speak" });
  await assertRejects(() => worker.failed, RangeError, "too far");
  worker.stop();
  await worker.stopped;
});

Deno.test("a packet worker that ends unasked says on which device", async () => {
  const worker = startWorker(() => {});
  worker.post({ type: "break" });
  const words = "The packet worker on tun0 ended: it broke";
  await assertRejects(() => worker.failed, Failure, words);
  await assertRejects(() => worker.stopped, Failure, words);
});
