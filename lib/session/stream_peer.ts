import { frameResponse } from "../protocol/hello.ts";
import type { Connection } from "./connection.ts";
import type { Answer } from "./gatekeeper.ts";
import { RecordChannel } from "./record_channel.ts";
import { SecurePeer } from "./secure_peer.ts";
import type { Server } from "./server.ts";
import type { StreamTransport } from "./transport.ts";

/** A server's end of one secure connection over TCP. */
export class StreamPeer extends SecurePeer<RecordChannel> {
  readonly carrier = "tcp";

  /** Sends the answer. */
  constructor(
    server: Server,
    connection: Connection,
    transport: StreamTransport,
    answer: Answer,
    now: number,
  ) {
    const response = frameResponse(answer.message);
    transport.send(response, 0, response.length);
    const { handshake, capabilities } = answer;
    const { timing, channels } = server;
    super(
      server,
      connection,
      now,
      (owner) => new RecordChannel(owner, transport, handshake, capabilities, timing, channels),
    );
  }

  override receive(bytes: Uint8Array, offset: number, length: number): number {
    const done = this.channel.receive(bytes, offset, length);
    this.heard();
    return done;
  }
}
