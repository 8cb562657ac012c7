/** What a program that is run at an event finds in its environment. docs/hooks.md has the same tables. */

/** Of `--up` and `--down`, of either program. */
export const TUNNEL_VARIABLES = {
  SIMPLEVPN_EVENT: "`up`, `change` or `down`",
  SIMPLEVPN_TUN: "name of the TUN device",
  SIMPLEVPN_MTU: "its MTU",
  SIMPLEVPN_ADDRESS: "this machine's IPv4 address in the tunnel",
  SIMPLEVPN_ADDRESS6: "its IPv6 address, if it has one",
  SIMPLEVPN_NETWORK: "the tunnel's IPv4 network, as 10.0.0.0/16",
  SIMPLEVPN_NETWORK6: "its IPv6 network, if it has one",
  SIMPLEVPN_ROUTES: "networks that the server says it leads to",
  SIMPLEVPN_DNS: "DNS servers that the server tells its clients",
  SIMPLEVPN_DOMAINS: "search domains that it tells them",
  SIMPLEVPN_PEER: "of a client: the name under which the server knows it",
  SIMPLEVPN_OUTER: "of a client: the server's outer address and port",
  SIMPLEVPN_CARRIER: "of a client: what it connected by, `tcp` or `udp`",
} as const;

/** Of `--on-connect` and `--on-disconnect`. */
export const PEER_VARIABLES = {
  SIMPLEVPN_EVENT: "`connect` or `disconnect`",
  SIMPLEVPN_TUN: "name of the TUN device",
  SIMPLEVPN_PEER: "the peer's name; a classic client has none",
  SIMPLEVPN_PEER_KEY: "its public key, in base64; a classic client has none",
  SIMPLEVPN_ADDRESS: "its IPv4 address in the tunnel",
  SIMPLEVPN_ADDRESS6: "its IPv6 address, if it has one",
  SIMPLEVPN_NETWORK: "the tunnel's IPv4 network, as 10.0.0.0/16",
  SIMPLEVPN_NETWORK6: "its IPv6 network, if it has one",
  SIMPLEVPN_ROUTES: "networks behind the peer that are allowed",
  SIMPLEVPN_OUTER: "the address that it comes from",
  SIMPLEVPN_REASON: "why it left",
} as const;

export type TunnelVariables = Variables<keyof typeof TUNNEL_VARIABLES>;
export type PeerVariables = Variables<keyof typeof PEER_VARIABLES>;

/** Values by name. What has none is not in the environment. */
export type Variables<Name extends string = string> = Readonly<
  Partial<Record<Name, string | undefined>>
>;

/** Several values as one: none of them has a space in it. */
export function list(values: readonly unknown[]): string | undefined {
  return values.length === 0 ? undefined : values.join(" ");
}

/** A text that came from elsewhere, without characters that a terminal or a log would obey. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}
