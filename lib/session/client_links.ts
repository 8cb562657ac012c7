import type { Attempt } from "./attempt.ts";
import { ClassicLink } from "./classic_link.ts";
import type { ClientOptions, ClientPorts } from "./client_ports.ts";
import { DatagramLink } from "./datagram_link.ts";
import type { Link } from "./link.ts";
import type { ChannelContext } from "./channel_context.ts";
import { StreamLink } from "./stream_link.ts";
import { type DatagramTransport, isDatagramTransport, type StreamTransport } from "./transport.ts";

/** What a new link is for. */
export interface LinkPurpose {
  server: number;
  /** Number of the session that a secure link is to be a path of. */
  session: number;
  /** The address that a classic link asks for; any will do if undefined. */
  wanted: number | undefined;
}

/** Makes a client's end of a connection that was just made. */
export function makeLink(
  owner: Attempt,
  transport: StreamTransport | DatagramTransport,
  { server, session, wanted }: LinkPurpose,
  { classic, ...terms }: ClientOptions,
  ports: ClientPorts,
  channels: ChannelContext,
): Link {
  if (classic) return new ClassicLink(owner, transport, wanted, terms.timing, channels);
  const link = owner.number;
  const handshakes = {
    requestHello: (index?: number) => ports.requestHello(link, server, session, index),
    requestRekey: () => ports.requestRekey(link),
    complete: (message: Uint8Array) => ports.complete(link, message),
    forget: () => ports.forget(link),
  };
  if (!isDatagramTransport(transport)) {
    return new StreamLink(owner, transport, handshakes, terms, channels);
  }
  return new DatagramLink(owner, transport, handshakes, terms, channels, () => ports.random());
}
