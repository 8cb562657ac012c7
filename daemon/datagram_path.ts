import { OsError } from "../ffi/error.ts";
import { SocketAddress } from "../ffi/socket_address.ts";
import { LOCAL_LENGTH, pathMtu } from "../ffi/udp.ts";
import { DATAGRAM_LEAST, DATAGRAM_MOST } from "../lib/session/limits.ts";
import type { DatagramTransport } from "../lib/session/transport.ts";
import type { DatagramSocket } from "./datagram_socket.ts";

/** Bytes of the headers in front of a datagram, by IPv4 and by IPv6. */
const HEADERS = 28;
const HEADERS6 = 48;

/** A way to somewhere over a UDP socket. */
export class DatagramPath implements DatagramTransport {
  readonly #socket: DatagramSocket;
  readonly #close: () => void;
  #name: Uint8Array;
  /** Which address of this machine the other end knows. */
  readonly #local = new Uint8Array(LOCAL_LENGTH);
  #hasLocal = false;
  #closed = false;

  constructor(socket: DatagramSocket, to: SocketAddress, close: () => void = () => {}) {
    this.#socket = socket;
    this.#name = to.bytes;
    this.#close = close;
  }

  /** @see {Transport} */
  get remote(): string {
    return new SocketAddress(this.#name).toString();
  }

  /** @see {Transport} */
  readonly roundTrip = undefined;

  /** @see {DatagramTransport} */
  get longest(): number {
    const to = new SocketAddress(this.#name);
    const headers = to.ipv4 === undefined ? HEADERS6 : HEADERS;
    try {
      return Math.max(DATAGRAM_LEAST, Math.min(pathMtu(to) - headers, DATAGRAM_MOST));
    } catch (error) {
      if (error instanceof OsError) return DATAGRAM_LEAST;
      throw error;
    }
  }

  /** @see {Transport} */
  send(bytes: Uint8Array, offset: number, length: number): boolean {
    this.sendRun(bytes, offset, length, length);
    return true;
  }

  /** @see {DatagramTransport} */
  sendRun(bytes: Uint8Array, offset: number, length: number, size: number): void {
    if (this.#closed) return;
    const local = this.#hasLocal ? this.#local : undefined;
    this.#socket.send(this.#name, local, bytes, offset, length, size);
  }

  /** @see {DatagramTransport} */
  follow(): void {
    if (this.#socket.isFrom(this.#name, this.#local)) return;
    const { receiver } = this.#socket;
    this.#name = receiver.name.slice(0, receiver.nameLength);
    this.#local.set(receiver.local);
    this.#hasLocal = this.#local.some((byte) => byte !== 0);
  }

  /** @see {Transport} */
  hasRoom(): boolean {
    return this.#socket.hasRoom;
  }

  /** @see {Transport} */
  mute(): void {}

  /** @see {Transport} */
  abort(): void {
    this.close();
  }

  /** @see {Transport} */
  close(): void {
    this.#closed = true;
    this.#close();
  }
}
