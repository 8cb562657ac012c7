/** What the subjects share that are programs of others. */
import { type LabProcess, type Machine, sleep } from "../lab.ts";
import type { BenchLab } from "./bench_lab.ts";
import { tail } from "./log_tail.ts";
import type { Running } from "./subject.ts";

/** Inner addresses of other VPNs, in a network of 24 bits. */
export const INNER = { server: "10.9.0.1", client: "10.9.0.2" };

/** Milliseconds that a program may take to get ready. */
const PATIENCE = 10_000;

/**
 * The command that runs a program with its log on stderr, where it can be waited for, and with a
 * /run of its own: pid files, locks and sockets there are the same for all machines otherwise.
 */
export function privately(command: readonly string[]): string[] {
  // The mount is no other's since `ip netns exec` makes a mount namespace.
  return ["sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@" >&2', "sh", ...command];
}

/** Starts the client of a tunnel whose server is up, and waits until pings go through. */
export async function startClient(
  lab: BenchLab,
  address: string,
  server: LabProcess,
  start: () => LabProcess | Promise<LabProcess>,
): Promise<Running> {
  const begun = performance.now();
  const client = await start();
  await lab.untilAnswered(address, { server, client });
  return {
    address,
    programs: { server: server.pid, client: client.pid },
    startTime: performance.now() - begun,
  };
}

/** Waits until something is true of a program. @throws {Error} telling what it said if it never is */
export async function until(
  condition: () => boolean | Promise<boolean>,
  program: LabProcess,
): Promise<void> {
  const ended = program.status.then(() => true);
  const begun = performance.now();
  while (!await condition()) {
    const late = performance.now() - begun > PATIENCE;
    if (late || await Promise.race([ended, sleep(10).then(() => false)])) {
      throw new Error(
        `A program ${late ? "does not get ready" : "ended"}: ${tail(program.stderr)}`,
      );
    }
  }
}

/** Gives a program's interface, as soon as there is one, its address and sets it up. */
export async function configureInterface(
  machine: Machine,
  program: LabProcess,
  name: string,
  address: string,
  mtu: number,
): Promise<void> {
  await until(async () => (await machine.try("ip", "link", "show", name)).success, program);
  // Nothing is sent before there is something to send: vtun ends at a packet for an interface that is
  // still down.
  await machine.run("ip", "link", "set", name, "addrgenmode", "none");
  await machine.run("ip", "address", "add", `${address}/24`, "dev", name);
  await machine.run("ip", "link", "set", name, "mtu", String(mtu), "up");
}
