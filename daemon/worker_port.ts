import { receiveMessageOnPort } from "node:worker_threads";
import type { MessagePort as NodeMessagePort } from "node:worker_threads";
import { EPOLLIN } from "../ffi/constants.ts";
import { clearEventFd } from "../ffi/eventfd.ts";
import { Counters } from "../lib/session/counters.ts";
import { EventLoop, type Timed } from "./event_loop.ts";
import type {
  PingMessage,
  PongMessage,
  StopMessage,
  StoppedMessage,
  WorkerStart,
} from "./messages.ts";

/** A packet worker's end of the line to the main thread. */
export interface WorkerContext<Outgoing> {
  readonly loop: EventLoop;
  readonly counters: Counters;
  post(message: Outgoing): void;
}

/**
 * Runs a packet worker: waits for its setup, lets `begin` build what the loop is to drive, and runs
 * the loop until the main thread says stop. The worker's own event loop is blocked all that time, so
 * messages are taken from the port by hand.
 *
 * @param begin returns what to drive and who takes the main thread's messages
 */
export function runWorker<Setup, Incoming extends { type: string }, Outgoing>(
  begin: (
    setup: Setup,
    context: WorkerContext<Outgoing>,
  ) => Timed & {
    receive(message: Incoming): void;
    /** Says goodbye; the loop closes everything afterwards. */
    stop(): void;
  },
): void {
  addEventListener("message", (event) => {
    const { data } = event as MessageEvent<WorkerStart<Setup>>;
    const post = (message: Outgoing | PongMessage | StoppedMessage): void =>
      data.port.postMessage(message);
    try {
      const loop = new EventLoop();
      const driven = begin(data.setup, { loop, counters: new Counters(data.counters), post });
      const port = data.port as unknown as NodeMessagePort;
      loop.add(data.wakeup, EPOLLIN, {
        ready: () => {
          clearEventFd(data.wakeup);
          for (const message of pending<Incoming | PingMessage | StopMessage>(port)) {
            if (message.type === "ping") post({ type: "pong" });
            else if (message.type !== "stop") driven.receive(message as Incoming);
            else {
              driven.stop();
              loop.stop();
            }
          }
        },
      });
      loop.run(driven);
      post({ type: "stopped" });
    } catch (error) {
      post({ type: "stopped", error: error instanceof Error ? error.message : String(error) });
    }
  }, { once: true });
}

function* pending<Message>(port: NodeMessagePort): Generator<Message> {
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) return;
    yield received.message as Message;
  }
}
