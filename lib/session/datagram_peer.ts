import { ControlType } from "../protocol/control.ts";
import { writeResponseDatagram } from "../protocol/datagram.ts";
import { Opened } from "../protocol/datagram_cipher.ts";
import type { Connection } from "./connection.ts";
import { DatagramChannel, PACKET_OVERHEAD } from "./datagram_channel.ts";
import type { Answer } from "./gatekeeper.ts";
import { DATAGRAM_MOST } from "./limits.ts";
import { SecurePeer } from "./secure_peer.ts";
import type { Server } from "./server.ts";
import type { DatagramTransport } from "./transport.ts";

/** A server's end of one secure connection over UDP. Its index is the connection's number. */
export class DatagramPeer extends SecurePeer<DatagramChannel> {
  readonly carrier = "udp";
  readonly #transport: DatagramTransport;

  /**
   * Sends the answer.
   *
   * @param index by which the client knows its end
   */
  constructor(
    server: Server,
    connection: Connection,
    transport: DatagramTransport,
    index: number,
    answer: Answer,
    now: number,
  ) {
    const response = writeResponseDatagram(index, connection.id, answer.message);
    transport.send(response, 0, response.length);
    const { handshake, capabilities } = answer;
    const { timing, channels } = server;
    super(
      server,
      connection,
      now,
      (owner) =>
        new DatagramChannel(owner, transport, index, handshake, capabilities, timing, channels),
    );
    this.#transport = transport;
  }

  /** Takes one datagram of data. */
  override receive(bytes: Uint8Array, offset: number, length: number): number {
    const opened = this.channel.open(bytes, offset, length);
    if (opened !== Opened.Newest && opened !== Opened.Late) return length;
    // The client may be anywhere: where the newest of its datagrams came from it is now.
    if (opened === Opened.Newest) this.#transport.follow();
    this.channel.take(bytes, offset, length);
    this.heard();
    return length;
  }

  /** All that came together was given. */
  settle(): void {
    this.channel.settle();
  }

  override channelControl(type: number, body: Uint8Array): void {
    if (type === ControlType.Probe) this.#answerProbe(body);
    else super.channelControl(type, body);
  }

  #answerProbe(body: Uint8Array): void {
    if (body.length < 2 || body.length + PACKET_OVERHEAD > DATAGRAM_MOST) return;
    this.channel.longest = (body[0]! << 8) | body[1]!;
    this.channel.sendControl(ControlType.ProbeReply, new Uint8Array(body.length));
  }
}
