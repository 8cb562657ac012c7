import { createEventFd, notifyEventFd } from "../ffi/eventfd.ts";
import { Counters } from "../lib/session/counters.ts";
import { Failure } from "./failure.ts";
import type {
  PingMessage,
  PongMessage,
  StopMessage,
  StoppedMessage,
  WorkerStart,
} from "./messages.ts";

/** The main thread's end of the line to a packet worker. */
export class PacketWorker<Setup, Outgoing extends object, Incoming extends { type: string }> {
  /** What the worker counts, to be read at any time. */
  readonly counters: Counters;
  /** Settles when the worker has closed everything; rejects with a Failure if nobody asked it to. */
  readonly stopped: Promise<void>;
  readonly #failure = Promise.withResolvers<never>();
  readonly #port: MessagePort;
  readonly #wakeup = createEventFd();
  /** Who waits for the worker's answers, the first one first. */
  readonly #asking: (() => void)[] = [];

  /**
   * Starts the worker.
   *
   * @param module URL of the worker's file
   * @param device what it works on, for the person
   * @param setup what it starts from; file descriptors in it are the worker's from now on
   * @param receive takes the worker's messages; what it throws is for `failed`
   */
  constructor(module: URL, device: string, setup: Setup, receive: (message: Incoming) => void) {
    const counters = new SharedArrayBuffer(Counters.BYTE_LENGTH);
    this.counters = new Counters(counters);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const worker = new Worker(module, { type: "module" });
    this.stopped = new Promise((resolve, reject) => {
      port1.onmessage = ({ data }: MessageEvent<Incoming | PongMessage | StoppedMessage>) => {
        if (data.type === "pong") return this.#asking.shift()?.();
        if (data.type !== "stopped") return this.#receive(receive, data as Incoming);
        port1.close();
        worker.terminate();
        const { error } = data as StoppedMessage;
        if (error === undefined) resolve();
        else reject(new Failure(`The packet worker on ${device} ended: ${error}`));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Failure(`The packet worker on ${device} failed: ${event.message}`));
      };
    });
    this.stopped.catch((error) => this.fail(error));
    // Whoever waits hears of it; nobody may any more.
    this.failed.catch(() => {});
    const start: WorkerStart<Setup> = { port: port2, wakeup: this.#wakeup, counters, setup };
    worker.postMessage(start, [port2]);
  }

  /** Rejects when the program cannot go on: the worker ended unasked, or its messages cannot be followed. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Says that the program cannot go on. */
  fail(error: Error): void {
    this.#failure.reject(error);
  }

  post(message: Outgoing): void {
    this.#send(message);
  }

  /** Settles when the worker's loop has come round; never if that hangs. */
  answer(): Promise<void> {
    const message: PingMessage = { type: "ping" };
    this.#send(message);
    return new Promise((resolve) => this.#asking.push(resolve));
  }

  /** Asks the worker to close everything; `stopped` settles when it has. */
  stop(): void {
    const message: StopMessage = { type: "stop" };
    this.#send(message);
  }

  /** An exception in an event's handler would end the program there and then. */
  #receive(receive: (message: Incoming) => void, message: Incoming): void {
    try {
      receive(message);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #send(message: Outgoing | PingMessage | StopMessage): void {
    this.#port.postMessage(message);
    notifyEventFd(this.#wakeup);
  }
}
