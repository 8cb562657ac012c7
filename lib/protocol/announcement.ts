/** Announcement messages: the networks behind a client, of which a server uses those that it allows. */
import { isRoutable, type Prefix } from "../address/prefix.ts";
import { readItems, writeItems } from "./items.ts";
import { isPrefixItem, prefixItems, readPrefix } from "./prefix_item.ts";

/** Most networks that a client announces: a site has a few, and the server looks at each. */
export const MAX_ANNOUNCED = 16;

/** The type that networks behind a client have in a Configuration as well. */
const NETWORK = 9;

/** The body of an Announcement; no networks say that there are none. */
export function writeAnnouncement(networks: readonly Prefix[]): Uint8Array {
  return writeItems(prefixItems(NETWORK, networks));
}

/**
 * Reads and checks the body of an Announcement. Items of other types are passed over.
 *
 * @throws {SyntaxError} if it is none, names too many networks, one twice, or one that has no hosts
 */
export function readAnnouncement(body: Uint8Array): Prefix[] {
  const values = readItems(body).filter(({ type }) => type === NETWORK).map(({ value }) => value);
  if (values.length > MAX_ANNOUNCED) {
    throw new SyntaxError(`There are ${values.length} networks, and ${MAX_ANNOUNCED} may be`);
  }
  const networks = values.map(readNetwork);
  if (new Set(networks.map(String)).size === networks.length) return networks;
  throw new SyntaxError("A network is there twice");
}

function readNetwork(value: Uint8Array): Prefix {
  if (!isPrefixItem(value)) throw new SyntaxError(`A network has ${value.length} bytes`);
  const network = readPrefix(value);
  if (isRoutable(network)) return network;
  throw new SyntaxError(`The network ${network} is not one of ordinary addresses`);
}
