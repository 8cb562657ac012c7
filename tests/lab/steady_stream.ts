import { assert } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";

const ECHO = [Deno.execPath(), "run", "--no-prompt", "--allow-net"]
  .concat(new URL("echo_stream.ts", import.meta.url).pathname);

/** Starts a TCP connection to `address` on one machine from another, and waits until it flows. */
export async function startStream(
  to: Machine,
  address: string,
  from: Machine,
): Promise<LabProcess> {
  const listener = to.start([...ECHO, "serve", address, "7"]);
  await listener.waitFor(/listening/);
  const stream = from.start([...ECHO, "dial", address, "7"]);
  await stream.waitFor(/echo 3\n/);
  return stream;
}

/** Asserts that a stream goes on from where it is now. */
export async function assertFlows(stream: LabProcess): Promise<void> {
  const next = lines(stream.stderr) + 5;
  const arrived = (): Promise<number> => Promise.resolve(lines(stream.stderr));
  assert(await eventually(arrived, (count) => count >= next) >= next, stream.stderr.slice(-200));
}

function lines(text: string): number {
  return text.split("\n").length - 1;
}
