/** Values of options: reading and checking one, in words that name it. */
import { formatAddress, parseAddress } from "../address/ip_address.ts";
import {
  DOMAIN_PATTERN,
  MAX_LIST,
  NAME_PATTERN,
  TIME_LEAST,
  TIME_MOST,
} from "../protocol/control.ts";
import { KEY_LENGTH } from "../protocol/x25519.ts";
import { fromBase64 } from "./base64.ts";
import { type Arguments, UsageError } from "./command_line.ts";

export function isGiven({ options }: Arguments, name: string): boolean {
  return options.has(name);
}

export function readText({ options }: Arguments, name: string): string | undefined {
  return options.get(name)?.[0];
}

/** Reads an option's value, if it is given; what `parse` throws becomes a usage error that names it. */
export function read<T>(
  args: Arguments,
  name: string,
  parse: (text: string) => T,
): T | undefined {
  return readAll(args, name, parse)[0];
}

/** Reads all values of an option that may be given several times. */
export function readAll<T>(args: Arguments, name: string, parse: (text: string) => T): T[] {
  const problems: string[] = [];
  const values = (args.options.get(name) ?? []).flatMap((text) => {
    try {
      return [parse(text)];
    } catch (error) {
      problems.push((error as Error).message);
      return [];
    }
  });
  if (problems.length === 0) return values;
  throw new UsageError(`--${name}: ${problems.join("; ")}`, [name]);
}

/** The same, of what clients are told: they take so many of a kind, and no more. */
export function readTold<T>(args: Arguments, name: string, parse: (text: string) => T): T[] {
  const values = readAll(args, name, parse);
  if (values.length <= MAX_LIST) return values;
  throw new UsageError(
    `--${name}: there are ${values.length}, and ${MAX_LIST} is the most that clients take`,
    [name],
  );
}

/** The operands, which are as many as there are names for them. @throws {UsageError} */
export function readOperands({ operands }: Arguments, ...names: string[]): string[] {
  const missing = names[operands.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  const unexpected = operands[names.length];
  if (unexpected !== undefined) throw new UsageError(`Unexpected argument "${unexpected}"`);
  return [...operands];
}

/** A whole number within bounds. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    throw new RangeError(`"${text}" is not a whole number from ${least} to ${most}`);
  };
}

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    throw new RangeError(`"${text}" is none of ${words.join(", ")}`);
  };
}

/** Seconds, fractions allowed, as milliseconds: those that a client takes for an order. */
export function seconds(text: string): number {
  const value = /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) * 1000 : NaN;
  if (value >= TIME_LEAST && value <= TIME_MOST) return value;
  const [least, most] = [TIME_LEAST / 1000, TIME_MOST / 1000];
  throw new RangeError(`"${text}" is not a number of seconds from ${least} to ${most}`);
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };

/** A time such as "7d" or "12h" as milliseconds. */
export function duration(text: string): number {
  const match = /^([0-9]{1,5})([smhd])$/.exec(text);
  const value = match ? Number(match[1]) * UNITS[match[2]!]! : 0;
  if (value > 0) return value;
  throw new RangeError(`"${text}" is no time such as 30m, 12h or 7d`);
}

/** A name or a literal address, as far as that can be told without asking. */
export function host(text: string): string {
  if (/[\p{Cc} /]/u.test(text) || text.length > 255) {
    throw new SyntaxError("That is neither a name nor an address");
  }
  const bracketed = /^\[(.*)\]$/.exec(text);
  return bracketed?.[1] ?? text;
}

/** A port of TCP or UDP. */
export const port = integer(1, 65_535);

/** Bytes: the least MTU of an IPv4 link (RFC 791, 3.1), and the most that a TUN device takes. */
export const mtu = integer(68, 65_535);

/** An address of this machine and a port of TCP. */
export interface MetricsEndpoint {
  host: string;
  port: number;
}

/** A literal address and a port: "127.0.0.1:9100", "[::1]:9100". */
export function metricsEndpoint(text: string): MetricsEndpoint {
  const match = /^(?:([0-9.]+)|\[([0-9A-Fa-f:.]+)\]):([0-9]{1,5})$/.exec(text);
  const [, host4, host6, digits] = match ?? [];
  const host = (host4 ?? host6) as string | undefined;
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) {
    return { host: formatAddress(parseAddress(host)), port };
  }
  throw new SyntaxError(`"${text}" is no ADDRESS:PORT such as 127.0.0.1:9100 or [::1]:9100`);
}

/** A peer's name. */
export function peerName(text: string): string {
  if (NAME_PATTERN.test(text)) return text;
  throw new UsageError(
    `"${text}" is no name for a peer: 1 to 64 letters, digits and any of ._- after the first`,
  );
}

/** A public key in base64. */
export function publicKey(text: string): Uint8Array {
  try {
    return fromBase64(text, KEY_LENGTH);
  } catch {
    throw new SyntaxError(`"${text}" is no key: a key is ${KEY_LENGTH} bytes in base64`);
  }
}

/** Folders of /proc/sys/net/ipv4/conf that are no interface's (sysctl_dev_name_is_allowed() in net/core/neighbour.c). */
const RESERVED_NAMES: readonly string[] = ["all", "default"];

/** What the kernel takes for an interface's name (dev_valid_name() in net/core/dev.c), less "%". */
export function interfaceName(text: string): string {
  if (!/^[A-Za-z0-9_.@-]{1,15}$/.test(text) || text === "." || text === "..") {
    throw new SyntaxError(`"${text}" is not 1 to 15 letters, digits, and any of _.@-`);
  }
  if (RESERVED_NAMES.includes(text)) {
    throw new SyntaxError(`"${text}" is what the kernel calls settings of many interfaces`);
  }
  return text;
}

/** The name of a congestion control (TCP_CA_NAME_MAX in include/net/tcp.h); the kernel knows which are. */
export function congestionControl(text: string): string {
  if (/^[a-z0-9_-]{1,15}$/.test(text)) return text;
  throw new SyntaxError(`"${text}" is not 1 to 15 small letters, digits, and any of _-`);
}

/** A file's path from the root on: one that does not depend on where a program was started. */
export function absolutePath(text: string): string {
  if (text.startsWith("/") && !/\p{Cc}/u.test(text)) return text;
  throw new SyntaxError(`"${text}" is no absolute path, as /usr/local/bin/NAME is`);
}

/** A domain name: labels of letters, digits and inner hyphens (RFC 1123, 2.1). */
export function domainName(text: string): string {
  if (DOMAIN_PATTERN.test(text)) return text;
  throw new SyntaxError(`"${text}" is no domain name`);
}

/** A user's name as useradd(8) takes it, or a number. */
export function userName(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/.test(text)) return text;
  throw new RangeError(`"${text}" is no user's name`);
}
