import { HandshakeError } from "../lib/protocol/noise.ts";
import { Introduction } from "../lib/session/introduction.ts";
import type { ClientState } from "./client_state.ts";
import { randomKey } from "./identity.ts";
import type { JoinPlan } from "./join_plan.ts";
import type { ClientAnswer, ClientMessage } from "./messages.ts";

/** What only a secure client has. */
export interface Membership {
  state: ClientState;
  plan: JoinPlan;
  /** Where the state is kept. */
  folder: string;
}

type HelloRequest = Extract<ClientMessage, { type: "requestHello" }>;

/** A secure client's handshakes, with what must not leave the main thread: its private key. */
export class ClientHandshakes {
  readonly #introduction: Introduction;
  readonly #post: (message: ClientAnswer) => void;

  /**
   * @param address the inner address to ask for, if any
   * @param capabilities what this end can take, as bits of Capability
   * @param post sends a message to the packet worker
   */
  constructor(
    { state, plan }: Membership,
    address: number | undefined,
    capabilities: number,
    post: (message: ClientAnswer) => void,
  ) {
    const servers = plan.servers.map(({ publicKey }) => publicKey);
    const { identity } = state;
    this.#introduction = new Introduction(
      { identity, servers, invite: plan.invite, address, capabilities },
      { timestamp: () => state.nextTimestamp(), randomKey },
    );
    this.#post = post;
  }

  hello({ link, server, session, index }: HelloRequest): void {
    const bytes = this.#introduction.hello(link, server, session, index);
    this.#post({ type: "hello", link, bytes });
  }

  rekey(link: number): void {
    this.#post({ type: "rekeyInitiation", link, message: this.#introduction.rekey(link) });
  }

  /** Takes a server's answer, or what claims to be one. */
  complete(link: number, message: Uint8Array): void {
    try {
      const { handshake, capabilities } = this.#introduction.complete(link, message);
      this.#post({ type: "established", link, handshake, capabilities });
      // The message is a copy; these keys are not needed here any more.
      handshake.sendKey.fill(0);
      handshake.receiveKey.fill(0);
    } catch (error) {
      if (!(error instanceof HandshakeError || error instanceof SyntaxError)) throw error;
      this.#post({ type: "refuted", link });
    }
  }

  forget(link: number): void {
    this.#introduction.forget(link);
  }

  /** A server knows this client: it needs no invite there any more. */
  enrolled(server: number): void {
    this.#introduction.enrolled(server);
  }
}
