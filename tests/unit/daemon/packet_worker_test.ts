import { assertEquals } from "@std/assert";
import { PacketWorker } from "../../../daemon/packet_worker.ts";

Deno.test("a packet worker answers while its loop goes round, and not while it hangs", async () => {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const module = new URL("./hanging_worker.ts", import.meta.url);
  const worker = new PacketWorker<typeof flag, { type: "hang" }, never>(
    module,
    "tun0",
    flag,
    () => {},
  );
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
