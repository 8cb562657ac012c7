/** What holds where a person says nothing. */

export const DEFAULT_PORT = 2002;
export const DEFAULT_NETWORK = "10.0.0.0/16";
export const DEFAULT_MTU = 1500;
export const DEFAULT_EXPIRY = "7d";

/** Prefix length of a classic network, which the protocol does not tell: the C client's netmask. */
export const CLASSIC_PREFIX_LENGTH = 16;

/** Seconds that a hook may take. */
export const DEFAULT_HOOK_TIMEOUT = 30;
