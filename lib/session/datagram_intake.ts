import { datagramIndex, DatagramType, datagramType } from "../protocol/datagram.ts";
import type { Connections } from "./connections.ts";
import type { DatagramDoor, DatagramSender } from "./datagram_door.ts";
import { DatagramPeer } from "./datagram_peer.ts";
import { Knock } from "./knock.ts";
import type { Server } from "./server.ts";

/**
 * Takes what comes to a server's UDP socket: data goes to the connection whose number it has, and an
 * initiation that the door lets in begins a new one. What is no client's is counted, and nothing else
 * happens.
 */
export class DatagramIntake {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #door: DatagramDoor;
  readonly #hello: (connection: number, message: Uint8Array) => void;
  /** Whose datagrams are being received. */
  #receiving: DatagramPeer | undefined;

  /** @param hello hands a new connection's first message to the gatekeeper */
  constructor(
    server: Server,
    connections: Connections,
    door: DatagramDoor,
    hello: (connection: number, message: Uint8Array) => void,
  ) {
    this.#server = server;
    this.#connections = connections;
    this.#door = door;
    this.#hello = hello;
  }

  /** The last byte of all connections' indices. */
  get indexTag(): number {
    return this.#door.indexTag;
  }

  /** Takes one datagram that came; `settle()` follows when all that came together were given. */
  receiveDatagram(
    bytes: Uint8Array,
    offset: number,
    length: number,
    sender: DatagramSender,
    now: number,
  ): void {
    const type = datagramType(bytes, offset, length);
    const peer = type === DatagramType.Data ? this.#peerOf(bytes, offset) : undefined;
    if (peer !== undefined) return this.#receive(peer, bytes, offset, length);
    const initiation = this.#door.examine(bytes, offset, length, sender, now);
    if (initiation === undefined) return;
    const transport = sender.transport();
    const { index, message } = initiation;
    const connection = this.#connections.open(
      transport,
      sender.origin(),
      (connection) => new Knock(this.#server, connection, transport, index, now),
    );
    if (connection !== undefined) this.#hello(connection.id, message);
  }

  /** All datagrams that came together were given. */
  settle(): void {
    this.#receiving?.settle();
    this.#receiving = undefined;
  }

  #peerOf(bytes: Uint8Array, offset: number): DatagramPeer | undefined {
    const stage = this.#connections.get(datagramIndex(bytes, offset))?.stage;
    return stage instanceof DatagramPeer ? stage : undefined;
  }

  #receive(peer: DatagramPeer, bytes: Uint8Array, offset: number, length: number): void {
    if (peer !== this.#receiving) this.settle();
    this.#receiving = peer;
    peer.receive(bytes, offset, length);
  }
}
