/** Every timer and limit of a session, in one place. Times are in milliseconds, sizes in bytes. */

/** A client that neither sent, or did not hear, anything for this long sends a keepalive. */
export const KEEPALIVE_INTERVAL = 15_000;

/** Keepalives that follow an unanswered one are this far apart. */
export const KEEPALIVE_RETRY = 1_000;

/** A client that hears nothing for this long gives its connection up and makes a new one. */
export const CLIENT_TIMEOUT = 30_000;

/** A server drops a client that it has not heard for this long, and frees its address. */
export const SERVER_TIMEOUT = 60_000;

/** An outgoing connection must be made, and an asked-for address given, within this time. */
export const CONNECT_TIMEOUT = 5_000;

/** First and longest pause before another attempt; each is stretched by up to BACKOFF_JITTER. */
export const BACKOFF_FIRST = 250;
export const BACKOFF_LONGEST = 20_000;
export const BACKOFF_JITTER = 0.5;

/** A connection that lasted this long was a good one: the next pause is the first one again. */
export const BACKOFF_RESET = 10_000;

/** Name resolution that fails from the very start is tried for this long: the name may be wrong. */
export const FIRST_RESOLVE_TIME = 4_000;

/**
 * For this long after losing a connection a client insists on the address it had, which the server
 * may still hold for the lost connection (SERVER_TIMEOUT); after that any address will do.
 */
export const RECLAIM_TIME = SERVER_TIMEOUT + 5_000;

/**
 * Connections that a server keeps at the most by default, those without an address included. Each
 * may make it hold a packet's beginning of up to 64 KiB.
 */
export const MAX_CONNECTIONS = 1024;

/** Leases that a server remembers at the most. */
export const MAX_LEASES = 65_536;

/** Bytes that may wait in one connection's outbox before packets are dropped. */
export const OUTBOX_LIMIT = 256 * 1024;

/** Bytes of outboxes that one process holds at the most, whoever they are for. */
export const OUTBOX_TOTAL = 64 * 1024 * 1024;
