/**
 * IPv4 addresses as numbers: 0 to 2^32-1, the first octet in the highest byte (network order read as
 * one integer), so that ranges are plain comparisons.
 */

/** 0.0.0.0: "no address yet" in the classic protocol. */
export const UNSPECIFIED = 0;

/** 255.255.255.255, the limited broadcast address (RFC 919). */
export const LIMITED_BROADCAST = 0xffffffff;

/**
 * Reads dotted-decimal text, four parts of 0 to 255 without leading zeros (RFC 6943, 3.1.1: the
 * octal and short forms that inet_aton accepts mean different things to different programs).
 *
 * @throws {SyntaxError} if `text` is anything else
 */
export function parseIpv4(text: string): number {
  const parts = text.split(".");
  const valid = parts.length === 4 &&
    parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
  if (!valid) throw new SyntaxError(`Not an IPv4 address: "${text}"`);
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

/** Dotted-decimal text of an address. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Whether an address is multicast: 224.0.0.0/4 (RFC 5771). */
export function isMulticast(address: number): boolean {
  return address >>> 28 === 14;
}

/** Whether an address is in 127.0.0.0/8, which never appears outside a host (RFC 1122, 3.2.1.3). */
export function isLoopback(address: number): boolean {
  return address >>> 24 === 127;
}
