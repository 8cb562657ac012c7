/// <reference lib="deno.worker" />
/** A packet worker whose loop hangs, when told to, until its setup's number is not 0 any more. */
import { runWorker } from "../../../daemon/worker_port.ts";

runWorker((setup: Int32Array<SharedArrayBuffer>) => ({
  deadline: Infinity,
  advance: () => {},
  endTurn: () => {},
  receive: (_message: { type: "hang" }) => void Atomics.wait(setup, 0, 0),
  stop: () => {},
}));
