import { HandshakeError } from "../../lib/protocol/noise.ts";
import type { KeyPair } from "../../lib/protocol/x25519.ts";
import type { Client } from "../../lib/session/client.ts";
import type { ClientPorts } from "../../lib/session/client_ports.ts";
import { Introduction, type IntroductionOptions } from "../../lib/session/introduction.ts";
import { Mailbox, type ThreadDelay } from "./mailbox.ts";
import type { Network } from "./network.ts";

/** The ports of a client that its main thread serves. */
export type MainThreadPorts = Pick<
  ClientPorts,
  "requestHello" | "requestRekey" | "complete" | "forget"
>;

/** What a secure client needs to have. */
export interface Credentials extends Omit<IntroductionOptions, "capabilities"> {
  readonly identity: KeyPair;
}

/**
 * The main thread of a client: an introduction, to which the client's messages, and from which the
 * answers, take their time.
 */
export class Introducer implements ThreadDelay {
  /** @see {ThreadDelay} */
  delay: readonly [least: number, most: number] = [0, 20];
  /** Milliseconds by which this machine's clock is ahead of the right time. */
  clockError = 0;
  /** The links of which it knows. */
  readonly links = new Set<number>();
  readonly #network: Network;
  readonly #introduction: Introduction;
  readonly #toMain: Mailbox;
  readonly #toWorker: Mailbox;
  #timestamp = -1;

  /** @param capabilities what the client can take */
  constructor(network: Network, credentials: Credentials, capabilities: number) {
    const { clock, random } = network;
    this.#network = network;
    this.#introduction = new Introduction({ ...credentials, capabilities }, {
      timestamp: () => this.#nextTimestamp(),
      randomKey: () => random.bytes(32),
    });
    this.#toMain = new Mailbox(clock, random, this);
    this.#toWorker = new Mailbox(clock, random, this);
  }

  /** The client's ways to reach it. */
  ports(client: () => Client): MainThreadPorts {
    return {
      requestHello: (link, server, session, index) =>
        this.#toMain.post(() => {
          this.links.add(link);
          const bytes = this.#introduction.hello(link, server, session, index);
          this.#toWorker.post(() => client().hello(link, bytes));
        }),
      requestRekey: (link) =>
        this.#toMain.post(() => {
          const message = this.#introduction.rekey(link);
          this.#toWorker.post(() => client().rekeyInitiation(link, message));
        }),
      complete: (link, message) => this.#toMain.post(() => this.#complete(client, link, message)),
      forget: (link) =>
        this.#toMain.post(() => {
          this.links.delete(link);
          this.#introduction.forget(link);
        }),
    };
  }

  /** The client is connected to a server. */
  connected(server: number): void {
    this.#introduction.enrolled(server);
  }

  /** The main thread answers nothing until `resume()`. */
  pause(): void {
    this.#toMain.pause();
  }

  resume(): void {
    this.#toMain.resume();
  }

  /** The client ends. */
  close(): void {
    this.#toMain.close();
    this.#toWorker.close();
  }

  #complete(client: () => Client, link: number, message: Uint8Array): void {
    try {
      const { handshake, capabilities } = this.#introduction.complete(link, message);
      const copy = structuredClone(handshake);
      handshake.sendKey.fill(0);
      handshake.receiveKey.fill(0);
      this.#toWorker.post(() => client().established(link, copy, capabilities));
    } catch (error) {
      if (!(error instanceof HandshakeError || error instanceof SyntaxError)) throw error;
      this.#toWorker.post(() => client().refuted(link));
    }
  }

  #nextTimestamp(): number {
    return this.#timestamp = Math.max(
      this.#timestamp + 1,
      this.#network.wallClock + this.clockError,
    );
  }
}
