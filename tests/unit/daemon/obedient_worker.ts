/// <reference lib="deno.worker" />
/**
 * A packet worker that says something when told to, ends with an error, or hangs until its setup's number
 * is not 0 any more.
 */
import { runWorker } from "../../../daemon/worker_port.ts";

/** What it is told. */
export interface Order {
  type: "speak" | "hang" | "break";
}

/** What it says. */
export interface Speech {
  type: "speech";
}

runWorker((setup: Int32Array<SharedArrayBuffer>, { post }: { post(message: Speech): void }) => ({
  deadline: Infinity,
  advance: () => {},
  endTurn: () => {},
  receive: ({ type }: Order) => {
    if (type === "speak") return post({ type: "speech" });
    if (type === "break") throw new Error("it broke");
    Atomics.wait(setup, 0, 0);
  },
  stop: () => {},
}));
