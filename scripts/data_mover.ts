/**
 * Moves data over one TCP connection and counts what arrives. It is here so that the demo needs no
 * package for this.
 *
 *   deno run --allow-net data_mover.ts receive
 *   deno run --allow-net data_mover.ts send ADDRESS SECONDS
 *
 * The sender sends for so many seconds, waits for the receiver's count, and fails if that is not what
 * it sent. Both say on stderr how far they are.
 */
import type { LabProcess, Machine } from "./lab.ts";

const COMMAND = [Deno.execPath(), "run", "--no-prompt", "--allow-net", import.meta.filename!];
const PORT = 5201;
const CHUNK = 256 * 1024;

/** Starts a receiver, which takes one connection after another; it says "Ready" when it does. */
export function startReceiver(machine: Machine): LabProcess {
  return machine.start([...COMMAND, "receive"]);
}

/** Starts a sender; it says "Sending" when it is connected. */
export function startSender(machine: Machine, to: string, seconds: number): LabProcess {
  return machine.start([...COMMAND, "send", to, String(seconds)]);
}

/** Waits until all that a sender sent has arrived. @throws {Error} if it has not */
export async function moved(sender: LabProcess): Promise<{ bytes: number; seconds: number }> {
  const [, bytes, seconds] = await sender.waitFor(/Moved (\d+) bytes in ([\d.]+) s/, 30_000);
  return { bytes: Number(bytes), seconds: Number(seconds) };
}

async function receive(): Promise<never> {
  const listener = Deno.listen({ port: PORT });
  console.error("Ready");
  for (;;) {
    using connection = await listener.accept();
    await answer(connection);
  }
}

async function answer(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(CHUNK);
  let bytes = 0;
  for (let n: number | null = 0; n !== null; n = await connection.read(buffer)) bytes += n;
  await connection.write(new TextEncoder().encode(String(bytes)));
}

async function send(hostname: string, seconds: number): Promise<void> {
  using connection = await Deno.connect({ hostname, port: PORT });
  console.error("Sending");
  const chunk = new Uint8Array(CHUNK);
  const begun = performance.now();
  let bytes = 0;
  while (performance.now() < begun + seconds * 1000) bytes += await connection.write(chunk);
  await connection.closeWrite();
  const count = Number(await new Response(connection.readable).text());
  if (count !== bytes) throw new Error(`Sent ${bytes} bytes, of which ${count} arrived`);
  console.error(`Moved ${bytes} bytes in ${(performance.now() - begun) / 1000} s`);
}

if (import.meta.main) {
  const [role, address, seconds] = Deno.args;
  if (role === "receive") await receive();
  else await send(address!, Number(seconds));
}
