import type { IpAddress } from "../lib/address/ip_address.ts";
import { formatIpv4, parseIpv4 } from "../lib/address/ipv4_address.ts";
import { formatIpv6, readIpv6 } from "../lib/address/ipv6_address.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { SOCKADDR_IN, SOCKADDR_IN6 } from "./layout.ts";

/** An address and port of a socket, as the bytes of a sockaddr_in or sockaddr_in6. Immutable. */
export class SocketAddress {
  /** The structure itself, of exactly its length. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  /** @throws {RangeError} if the bytes are neither structure */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const size = this.family === AF_INET ? SOCKADDR_IN.size : SOCKADDR_IN6.size;
    if (bytes.length !== size || (this.family !== AF_INET && this.family !== AF_INET6)) {
      throw new RangeError(`Not an internet socket address: family ${this.family}`);
    }
  }

  /** AF_INET or AF_INET6. */
  get family(): number {
    return this.#view.getUint16(SOCKADDR_IN.sin_family, true);
  }

  get port(): number {
    return this.#view.getUint16(SOCKADDR_IN.sin_port);
  }

  /** The IPv4 address, also when it comes mapped into an IPv6 one; else undefined. */
  get ipv4(): number | undefined {
    const host = this.host;
    return host.includes(":") ? undefined : parseIpv4(host);
  }

  /** The address, an IPv4 one also when it comes mapped into an IPv6 one. */
  get ip(): IpAddress {
    return this.ipv4 ?? readIpv6(this.bytes, SOCKADDR_IN6.sin6_addr);
  }

  /** The address as text, without the port: canonical, and the same for IPv4 over either family. */
  get host(): string {
    if (this.family === AF_INET) return formatIpv4(this.#view.getUint32(SOCKADDR_IN.sin_addr));
    const at = SOCKADDR_IN6.sin6_addr;
    const host = formatIpv6(this.bytes.subarray(at, at + 16));
    const scope = this.#view.getUint32(SOCKADDR_IN6.sin6_scope_id, true);
    return scope === 0 || !host.includes(":") ? host : `${host}%${scope}`;
  }

  /** Names the network that the address is in: the /24 of an IPv4 address, the /64 of an IPv6 one. */
  get network(): string {
    const { ipv4 } = this;
    if (ipv4 !== undefined) return `${ipv4 >>> 8}`;
    const at = SOCKADDR_IN6.sin6_addr;
    return this.bytes.subarray(at, at + 8).join(":");
  }

  /**
   * A hash of what `network` tells apart, 32 bits (FNV-1a that begins with a seed), computed without
   * making an object: it is asked of every datagram of a flood.
   *
   * @param bytes a sockaddr_in or sockaddr_in6
   */
  static hashNetwork(bytes: Uint8Array, seed: number): number {
    const isMapped = bytes.length === SOCKADDR_IN6.size && isIpv4Mapped(bytes);
    const at = bytes.length === SOCKADDR_IN.size
      ? SOCKADDR_IN.sin_addr
      : SOCKADDR_IN6.sin6_addr + (isMapped ? 12 : 0);
    const end = at + (bytes.length === SOCKADDR_IN.size || isMapped ? 3 : 8);
    let hash = seed;
    for (let i = at; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    return (hash ^ hash >>> 16) >>> 0;
  }

  /** The same address with another port. */
  withPort(port: number): SocketAddress {
    const bytes = this.bytes.slice();
    new DataView(bytes.buffer).setUint16(SOCKADDR_IN.sin_port, port);
    return new SocketAddress(bytes);
  }

  /** Address and port: "192.0.2.1:2002", "[2001:db8::1]:2002". */
  toString(): string {
    const host = this.host;
    return host.includes(":") ? `[${host}]:${this.port}` : `${host}:${this.port}`;
  }

  /** 0.0.0.0 or ::, with a port. The family is AF_INET or AF_INET6. */
  static any(family: number, port: number): SocketAddress {
    const bytes = new Uint8Array(family === AF_INET ? SOCKADDR_IN.size : SOCKADDR_IN6.size);
    new DataView(bytes.buffer).setUint16(SOCKADDR_IN.sin_family, family, true);
    return new SocketAddress(bytes).withPort(port);
  }
}

/** Whether a sockaddr_in6 has ten zeros and ffff in front of an IPv4 address (RFC 4291, 2.5.5.2). */
function isIpv4Mapped(bytes: Uint8Array): boolean {
  const at = SOCKADDR_IN6.sin6_addr;
  for (let i = at; i < at + 10; i++) if (bytes[i] !== 0) return false;
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
}
