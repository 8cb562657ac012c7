import type { Carrier } from "../protocol/hello.ts";

/** How a client came by its address. */
export type Grant = "dynamic" | "static" | "adopted" | "enrolled";

/** What a person may want to know of a server's clients. Addresses are inner, sources outer ones. */
export type ServerEvent =
  /** `name` for those that have shown who they are. */
  | { type: "joined"; address: number; source: string; grant: Grant; name?: string }
  | { type: "left"; address: number; source: string; reason: string; name?: string }
  /** What goes to a client that has two paths goes over this carrier from now on. */
  | {
    type: "moved";
    address: number;
    source: string;
    name: string;
    carrier: Carrier;
    reason: string;
  }
  | { type: "refused"; address: number; source: string }
  | { type: "exhausted"; capacity: number }
  /** There are as many connections as there may be, all of clients that have shown who they are. */
  | { type: "full"; connections: number; source: string }
  | { type: "stranger"; source: string; reason: string }
  /** A network behind a peer is another peer's already. */
  | { type: "overlap"; name: string; prefix: string };
