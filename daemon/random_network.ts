import { type Ipv6Prefix, parseIpv6Prefix } from "../lib/address/ipv6_prefix.ts";
import { GLOBAL_ID_LENGTH, uniqueLocalNetwork } from "../lib/address/tunnel_networks.ts";
import { Failure } from "./failure.ts";
import { readTextIfAny } from "./state_file.ts";
import { writeFileAtomically } from "./state_folder.ts";

/**
 * The IPv6 network of a server that was told none: made at random at the first start, and kept in the
 * state folder, so that its clients' addresses stay.
 *
 * @throws {Failure} if the file makes no sense: another network would be another address for everybody
 */
export function randomNetwork(folder: string): Ipv6Prefix {
  const path = `${folder}/network6`;
  const text = readTextIfAny(path);
  if (text !== undefined) return parseKept(text, path);
  const network = uniqueLocalNetwork(crypto.getRandomValues(new Uint8Array(GLOBAL_ID_LENGTH)));
  writeFileAtomically(path, `${network}\n`);
  return network;
}

function parseKept(text: string, path: string): Ipv6Prefix {
  try {
    const network = parseIpv6Prefix(text.trim());
    if (network.length === 64) return network;
    throw new SyntaxError(`${network} is no /64`);
  } catch (error) {
    throw new Failure(
      `Cannot make sense of ${path}: ${(error as Error).message}: mend it, or remove it to have ` +
        "another network made",
    );
  }
}
