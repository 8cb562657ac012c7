import type { Leases } from "../address/leases.ts";
import type { Prefix } from "../address/prefix.ts";
import type { TunnelNetworks } from "../address/tunnel_networks.ts";
import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { LivenessTiming } from "./liveness.ts";
import type { ServerEvent } from "./server_event.ts";

/** What a server needs of the world around it. */
export interface ServerPorts {
  /** Hands one packet to the TUN device; the bytes are taken before the call returns. */
  toTun(bytes: Uint8Array, offset: number, length: number, offload: Offload): void;
  report(event: ServerEvent): void;
  /** Hands a connection's first message to the gatekeeper; `answered()` answers. */
  hello(connection: number, message: Uint8Array, carrier: Carrier): void;
  /** Tells the gatekeeper that the client proved what it said; `judged()` answers. */
  confirmed(connection: number): void;
  /** Hands a message for new keys to the gatekeeper; `rekeyed()` answers. */
  rekey(connection: number, message: Uint8Array): void;
  /** Tells the gatekeeper, after `confirmed()`, which networks the client says are behind it. */
  announced(connection: number, networks: Prefix[]): void;
  /** Tells the gatekeeper that a connection which it has heard of is gone. */
  closed(connection: number): void;
  /** 32 random bytes. */
  randomKey(): Uint8Array;
}

export interface ServerOptions extends TunnelNetworks {
  /** The server's static public key. */
  publicKey: Uint8Array;
  /** Known leases of classic clients, all in `network`; kept up to date. */
  leases: Leases;
  /** A client not heard for `timeout` is dropped. */
  timing: LivenessTiming;
  /** Connections kept at the most. */
  maxConnections: number;
  /** Whether classic clients are served as well. */
  classic: boolean;
  /** Whether clients reach the server's side only, not each other. */
  isolate: boolean;
  /** What all secure clients are told. */
  push: Pick<Configuration, "mtu" | "routes" | "dns" | "searchDomains">;
}

/** What of a server's options can become another while it runs. */
export type ServerTerms = Pick<ServerOptions, "timing" | "maxConnections" | "isolate" | "push">;
