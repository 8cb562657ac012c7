import { INCOMPLETE, LOST, messageOfResponse, responseLength } from "../protocol/hello.ts";
import type { Handshake } from "../protocol/noise.ts";
import type { LinkOwner } from "./link.ts";
import { RecordChannel } from "./record_channel.ts";
import type { ChannelContext } from "./channel_context.ts";
import { type HandshakePorts, type LinkTerms, SecureLink } from "./secure_link.ts";
import type { StreamTransport } from "./transport.ts";

/** A client's end of one secure connection over TCP. */
export class StreamLink extends SecureLink<RecordChannel> {
  readonly #transport: StreamTransport;

  /** Begins the handshake at once. */
  constructor(
    owner: LinkOwner,
    transport: StreamTransport,
    ports: HandshakePorts,
    terms: LinkTerms,
    context: ChannelContext,
  ) {
    super(owner, transport, ports, terms, context);
    this.#transport = transport;
    ports.requestHello();
  }

  override hello(bytes: Uint8Array): void {
    if (!this.lost) this.#transport.send(bytes, 0, bytes.length);
  }

  override receive(bytes: Uint8Array, offset: number, length: number): number {
    if (this.channel !== undefined) return this.channel.receive(bytes, offset, length);
    const response = responseLength(bytes, offset, length);
    if (response === INCOMPLETE) return 0;
    if (response === LOST) {
      this.lose({ reason: "what answered is no simplevpn server" });
      return length;
    }
    this.ports.complete(messageOfResponse(bytes.slice(offset, offset + response)));
    return response;
  }

  protected override openChannel(handshake: Handshake, capabilities: number): RecordChannel {
    const { timing, context } = this;
    return new RecordChannel(this, this.#transport, handshake, capabilities, timing, context);
  }
}
