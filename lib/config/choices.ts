/** Options' values that are one of few words. */

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export const CRYPTO_CHOICES = ["auto", "libcrypto", "node"] as const;
/** What seals records: the system's libcrypto, node:crypto, or the first of them that is there. */
export type CryptoChoice = typeof CRYPTO_CHOICES[number];
