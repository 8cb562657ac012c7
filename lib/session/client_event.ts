import type { Configuration } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { ChangeCause } from "./link.ts";

/** Why a client ends by itself; "unusable" if its machine can be in no server's network. */
export type GiveUpCause = "refused" | "unresolved" | "rejected" | "unusable";

/**
 * What a person may want to know of a client. Times are in milliseconds, servers are told by their
 * places in the list of them. `mtu` is what the interface is to have: no longer packet can be sent in
 * one piece, whichever path it goes by.
 */
export type ClientEvent =
  /** Connected to a server by the candidate of this index, with what the server told. */
  | {
    type: "up";
    server: number;
    address: number;
    configuration: Configuration | undefined;
    candidate: number;
    carrier: Carrier;
    mtu: number;
  }
  /** What the server told, or the MTU, changed while connected. */
  | { type: "changed"; configuration: Configuration; mtu: number; cause: ChangeCause }
  /** The server was reached over this carrier, too, or is not any more. */
  | { type: "path_up"; carrier: Carrier }
  | { type: "path_down"; carrier: Carrier; reason: string }
  /** An attempt to reach it over this carrier, too, came to nothing. */
  | { type: "path_failed"; carrier: Carrier; reason: string }
  /** What this client sends goes over this carrier from now on. */
  | { type: "moved"; carrier: Carrier; reason: string }
  /** A connection that was up is gone; another attempt follows in `retry`. */
  | { type: "down"; reason: string; retry: number }
  /** There is no way to, or with, one server of several: the next one is tried at once. */
  | { type: "passed_over"; server: number; next: number; reason: string }
  /** All attempts came to nothing, the last of them with this server; others follow in `retry`. */
  | { type: "failed"; server: number; reason: string; retry: number }
  /** The server refused the address that this client asked for; another attempt follows. */
  | { type: "refused"; server: number; address: number; retry: number }
  /** There is no sense in going on; this server was the last to say so. */
  | { type: "gave_up"; server: number; cause: GiveUpCause; reason: string };
