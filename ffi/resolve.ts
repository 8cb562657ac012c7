import { parseAddress } from "../lib/address/ip_address.ts";
import {
  AI_NUMERICHOST,
  AI_PASSIVE,
  EAI_AGAIN,
  EAI_MEMORY,
  EAI_NONAME,
  EAI_SYSTEM,
  SOCK_STREAM,
} from "./constants.ts";
import { ADDRINFO } from "./layout.ts";
import { libc } from "./libc.ts";
import { cString, NativeBuffer } from "./native_buffer.ts";
import { SocketAddress } from "./socket_address.ts";

const POINTER_SIZE = 8;

/** The failures that may pass by themselves. */
const TEMPORARY = [EAI_AGAIN, EAI_MEMORY, EAI_SYSTEM];

/** A name that could not be resolved. */
export class ResolveError extends Error {
  override readonly name = "ResolveError";
  /** Whether the same question may get another answer soon. */
  readonly temporary: boolean;

  constructor(code: number) {
    const text = new Deno.UnsafePointerView(libc.gai_strerror(code)).getCString();
    super(`${text.charAt(0).toLowerCase()}${text.slice(1)}`);
    this.temporary = TEMPORARY.includes(code);
  }
}

/**
 * Asks the system's resolver (getaddrinfo(3): /etc/hosts, DNS and whatever else it is set up with)
 * for the addresses of a host, best first. Other work goes on meanwhile.
 *
 * Not with AI_ADDRCONFIG: on a machine that boots and has nothing but an IPv6 link-local address yet,
 * that makes even a literal IPv4 address one that cannot be resolved, now or ever.
 *
 * @param host a name or a literal address, without NUL
 * @throws {ResolveError}
 */
export function resolveHost(host: string, port: number): Promise<SocketAddress[]> {
  return getAddresses(host, port, 0);
}

/**
 * Reads a literal address, IPv4 or IPv6, that with a scope or without. Of what getaddrinfo(3) takes the
 * forms that inet_aton(3) has besides dotted decimal are none (@see {parseIpv4}).
 *
 * @throws {ResolveError} if it is none
 */
export async function parseSocketAddress(text: string, port: number): Promise<SocketAddress[]> {
  const [address] = text.split("%", 1);
  if (!isAddress(address!)) throw new ResolveError(EAI_NONAME);
  return await getAddresses(text, port, AI_NUMERICHOST | AI_PASSIVE);
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

async function getAddresses(host: string, port: number, flags: number): Promise<SocketAddress[]> {
  // The hints, behind them the pointer that getaddrinfo fills in, and the name. Deno holds none of it
  // while another thread works on it: one buffer, which is read afterwards, is held by that.
  const name = cString(host);
  const buffer = new NativeBuffer(ADDRINFO.size + POINTER_SIZE + name.length);
  buffer.bytes.set(name, ADDRINFO.size + POINTER_SIZE);
  buffer.view.setInt32(ADDRINFO.ai_flags, flags, true);
  buffer.view.setInt32(ADDRINFO.ai_socktype, SOCK_STREAM, true);
  const result = buffer.address + ADDRINFO.size;
  const code = await libc.getaddrinfo(result + POINTER_SIZE, 0, buffer.address, result);
  if (code !== 0) throw new ResolveError(code);
  const first = buffer.view.getBigUint64(ADDRINFO.size, true);
  try {
    return [...readList(first, port)];
  } finally {
    libc.freeaddrinfo(Number(first));
  }
}

function* readList(first: bigint, port: number): Generator<SocketAddress> {
  for (let at = first; at !== 0n;) {
    const info = new Deno.UnsafePointerView(Deno.UnsafePointer.create(at)!);
    const address = new Deno.UnsafePointerView(info.getPointer(ADDRINFO.ai_addr)!);
    const bytes = new Uint8Array(info.getUint32(ADDRINFO.ai_addrlen));
    address.copyInto(bytes);
    yield new SocketAddress(bytes).withPort(port);
    at = info.getBigUint64(ADDRINFO.ai_next);
  }
}
