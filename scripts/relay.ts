/**
 * A long wire: moves Ethernet frames between two interfaces of this machine, each way, and keeps each
 * for a while. It stands between two machines of the lab (impaired_link.ts), since netem is not in
 * every kernel.
 *
 *   deno run --allow-ffi relay.ts INTERFACE INTERFACE MILLISECONDS
 *
 * The delay is that of one way. It says "Relaying" on stderr when it does, and once a second at the
 * most how many frames it has dropped, since they came faster than it moved them.
 */
import { EventLoop, type Timed } from "../daemon/event_loop.ts";
import { EPOLLIN } from "../ffi/constants.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { openPacketSocket, takeMissedFrames } from "../ffi/packet_socket.ts";
import { DelayLine } from "./relay/delay_line.ts";

/** Bytes that may wait to be read: what 100,000 frames a second make in some 100 ms. */
const RECEIVE_BUFFER = 16 * 1024 * 1024;

/** Milliseconds between two looks at what was dropped. */
const REPORT_INTERVAL = 1000;

/** Two packet sockets with a delay line each way. */
class Relay implements Timed {
  readonly #loop = new EventLoop();
  readonly #sockets: readonly number[];
  readonly #lines: readonly DelayLine[];
  #missed = 0;
  #reported = 0;
  #nextReport = 0;

  constructor(interfaces: readonly [string, string], delay: number) {
    const [one, other] = interfaces.map((name) => {
      return openPacketSocket(new NetworkInterface(name).index, RECEIVE_BUFFER);
    }) as [number, number];
    this.#sockets = [one, other];
    this.#lines = [new DelayLine(one, other, delay), new DelayLine(other, one, delay)];
    this.#sockets.forEach((socket, i) => this.#loop.add(socket, EPOLLIN, this.#lines[i]!));
  }

  get deadline(): number {
    return Math.min(this.#lines[0]!.deadline, this.#lines[1]!.deadline, this.#nextReport);
  }

  advance(now: number): void {
    for (const line of this.#lines) line.advance(now);
    if (now >= this.#nextReport) this.#report(now);
  }

  endTurn(): void {}

  run(): void {
    this.#loop.run(this);
  }

  #report(now: number): void {
    this.#nextReport = now + REPORT_INTERVAL;
    for (const socket of this.#sockets) this.#missed += takeMissedFrames(socket);
    const dropped = this.#lines.reduce((sum, line) => sum + line.dropped, this.#missed);
    if (dropped > this.#reported) console.error(`Dropped ${dropped}`);
    this.#reported = dropped;
  }
}

const [one, other, delay] = Deno.args;
const relay = new Relay([one!, other!], Number(delay));
console.error("Relaying");
relay.run();
