/** Every timer and limit of a session, in one place. Times are in milliseconds, sizes in bytes. */

/** An end that did not send, or did not hear, anything for this long sends a Ping: NATs forget later. */
export const KEEPALIVE_INTERVAL = 25_000;

/** As KEEPALIVE_INTERVAL, for classic clients, as the C program does it. */
export const CLASSIC_KEEPALIVE_INTERVAL = 15_000;

/** Keepalives that follow an unanswered one are this far apart. */
export const KEEPALIVE_RETRY = 1_000;

/** A client that hears nothing for this long gives its connection up and makes a new one. */
export const CLIENT_TIMEOUT = 30_000;

/** A server drops a client that it has not heard for this long, and frees its address. */
export const SERVER_TIMEOUT = 60_000;

/** An outgoing connection must be made, and an asked-for address given, within this time. */
export const CONNECT_TIMEOUT = 5_000;

/** While none of a server's addresses has answered, the next is tried after this time (RFC 8305). */
export const ATTEMPT_DELAY = 250;

/** Connections that a client makes at the same time, at the most. */
export const MAX_ATTEMPTS = 4;

/** So long after the first of a server's addresses was tried, no further one is. */
export const RACE_TIME = 20_000;

/** As RACE_TIME, where there is another server to go on to. */
export const RACE_TIME_OF_SEVERAL = 4_000;

/** Where there is another server to go on to, the addresses of one are waited for no longer. */
export const RESOLVE_PATIENCE = 5_000;

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

/** Addresses that a classic client can ask for over one connection. */
export const MAX_ADDRESS_CHANGES = 16;

/** Ends of connections by strangers that a server tells of in a second, at the most. */
export const MAX_STRANGER_REPORTS = 100;

/** Leases that a server remembers at the most. */
export const MAX_LEASES = 65_536;

/**
 * Bytes that may wait in one connection's outbox before packets are dropped, at the most, and at the
 * least on a slow link; in between as many as the connection takes in OUTBOX_TIME.
 */
export const OUTBOX_LIMIT = 256 * 1024;
export const OUTBOX_LEAST = 16 * 1024;
export const OUTBOX_TIME = 20;

/**
 * A server waits for a client whose outbox is full rather than drop packets for it if there were none
 * for others in the last READING_ALONE, and for READING_PATIENCE at the most, in all until it took
 * OUTBOX_LEAST bytes.
 */
export const READING_ALONE = 20;
export const READING_PATIENCE = 5;

/** Bytes of outboxes that one process holds at the most, whoever they are for. */
export const OUTBOX_TOTAL = 64 * 1024 * 1024;

/** Bytes beyond OUTBOX_LIMIT that control messages may still use, since none of them can be dropped. */
export const OUTBOX_RESERVE = 64 * 1024;

/** A secure client makes new keys when the old ones are so old, or sealed so many records. */
export const REKEY_AFTER_TIME = 120_000;
export const REKEY_AFTER_RECORDS = 2 ** 24;

/** Keys that are so old, or sealed so many records, are used no more: the connection ends. */
export const REJECT_AFTER_TIME = 180_000;
export const REJECT_AFTER_RECORDS = 2 ** 25;

/** A client that asks for new keys more often is misbehaving. */
export const REKEY_LEAST_INTERVAL = 5_000;

/** How often a peer may announce other networks than before within a time, in milliseconds. */
export const ANNOUNCEMENT_CHANGES = 10;
export const ANNOUNCEMENT_WINDOW = 60_000;

/** Configurations that a client takes in a second: each costs its main thread many system calls. */
export const MAX_CONFIGURATIONS = 32;

/** A connection must have shown who it is within this time, or it ends. */
export const HANDSHAKE_TIMEOUT = 5_000;

/**
 * Connections that have not shown who they are: at the most, and from one network (/24 of IPv4, /64
 * of IPv6). One more, and that which has been silent for longest goes.
 */
export const MAX_STRANGERS = 512;
export const MAX_STRANGERS_PER_NETWORK = 64;

/** Handshakes that a server computes a second: in all, and for one network. */
export const HANDSHAKE_RATE = 256;
export const HANDSHAKE_RATE_PER_NETWORK = 64;

/**
 * Initiations over UDP that a server looks at in a second, of those with a cookie and of those without:
 * in all, and from one network. Looking at one takes some 30 microseconds. After a silence as many may
 * come at once as in INITIATION_BURST.
 */
export const INITIATION_RATE = 2000;
export const INITIATION_RATE_PER_NETWORK = 256;
export const INITIATION_BURST = 250;

/** Secrets that cookies are made with change after this time; those of the last one are still taken. */
export const COOKIE_LIFETIME = 120_000;

/**
 * Over UDP what must arrive is repeated after this time, which doubles up to RETRANSMIT_LONGEST and is
 * stretched by up to BACKOFF_JITTER.
 */
export const RETRANSMIT_FIRST = 250;
export const RETRANSMIT_LONGEST = 4_000;

/** Over UDP the keys before the present ones still open what comes late for this long. */
export const KEEP_PREVIOUS_KEYS = 30_000;

/**
 * A path over which a client's pings have gone unanswered for so long, or that has let nothing through,
 * is made anew if it is not in use or goes over UDP, where nobody tells that the server's program is gone.
 */
export const PATH_PATIENCE = 10_000;

/** Copies of a Close over UDP: nobody is left to repeat it. */
export const CLOSE_COPIES = 3;

/**
 * Longest datagrams: what passes any path that IPv6 can take (1280 bytes less headers), and what passes
 * Ethernet by IPv4, which is the most that is tried.
 */
export const DATAGRAM_LEAST = 1232;
export const DATAGRAM_MOST = 1472;

/** Parts of packets that wait for the other part, at the most. */
export const MAX_PARTS = 8;

/** Whether a length passes is asked so many times, so far apart, before it counts as too long. */
export const PROBE_ATTEMPTS = 4;
export const PROBE_INTERVAL = 500;

/** A length that passes is asked about again after this time, and a longer one tried after that. */
export const PROBE_AGAIN = 60_000;
export const PROBE_RAISE = 600_000;

/** "Fragmentation needed" and "packet too big" messages that are sent in a second, at the most. */
export const MAX_TOO_LONG_REPORTS = 100;

/**
 * While packets are sent, and for PATH_BUSY after, a session's two paths are looked at every PATH_TICK,
 * and probed: the UDP path that is in use at each look, others once a second.
 */
export const PATH_TICK = 250;
export const PATH_BUSY = 2_000;

/** A path that answered no probe within this time is not moved to. */
export const PATH_FRESH = 3_000;

/** A path over which nothing was answered for this time and a round trip lets nothing through. */
export const STUCK_TIME = 1_000;

/** Seconds of which losses are remembered. */
export const LOSS_SECONDS = 10;

/**
 * A second in which a path lost this part of what was sent, and this many at the least, is a bad one. So
 * many of LOSS_BAD_WITHIN seconds, and the path is bad: a flow that begins may lose many in one of them.
 * LOSS_GOOD is what a path may lose of all that is remembered and be good, if that is LOSS_SAMPLE at the
 * least: of few nothing follows.
 */
export const LOSS_BAD = 0.01;
export const LOSS_LEAST = 2;
export const LOSS_BAD_SECONDS = 3;
export const LOSS_BAD_WITHIN = 5;
export const LOSS_GOOD = 0.005;
export const LOSS_SAMPLE = 500;

/**
 * TCP whose round trip takes this much longer than twice UDP's has too long a queue; it is good again when
 * the round trip is QUEUE_GOOD longer at the most.
 */
export const QUEUE_BAD = 100;
export const QUEUE_GOOD = 50;

/**
 * TCP that was bad is left alone for so long; each time that it is bad again within HOLD_RESET of being
 * used again, for twice as long as the last time.
 */
export const HOLD_FIRST = 15_000;
export const HOLD_LONGEST = 600_000;
export const HOLD_RESET = 60_000;

/** Longest pause before another attempt to reach a server over the other carrier, too. */
export const OTHER_PATH_LONGEST = 300_000;

/**
 * When the network has changed, paths are asked for a sign of life, so many times, in CHECK_LEAST and four
 * round trips, but CHECK_MOST at the most. A path that gives none is made anew.
 */
export const CHECK_LEAST = 2_000;
export const CHECK_MOST = 6_000;
export const CHECK_PROBES = 5;

/** However often the network changes, attempts that a change calls for are no closer to one another. */
export const HURRY_LEAST = 1_000;
