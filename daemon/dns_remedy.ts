/** What keeps a client that is not root from setting its machine's DNS, and what mends that. */
import { effectiveUser } from "../ffi/ownership.ts";
import { SERVICE_USER } from "../lib/config/service_unit.ts";
import { asksResolved, type DnsWay, runsResolved } from "./dns_ways.ts";
import { RESOLV_CONF } from "./resolv_conf_file.ts";
import { exists } from "./service_files.ts";
import { findUser } from "./service_user.ts";

/** Where polkit is there is this (polkit(8)); what is in it only polkit and root can see. */
const POLKIT_FOLDER = "/etc/polkit-1/rules.d";

/** What systemd-resolved, openresolv and the kernel call it, in the words of LC_ALL=C. */
const REFUSAL =
  /authentication required|access denied|cannot write|permission denied|not permitted|read-only file system/i;

const NEEDS: Readonly<Record<DnsWay, string>> = {
  resolved: "only root, and whom polkit allows it, may tell systemd-resolved",
  resolvconf: "only root may use resolvconf",
  file: `only root may write ${RESOLV_CONF}`,
};

/** Writes polkit's rule, where there is polkit. */
const INSTALL = '"simplevpn-client install" again';

/** @param root what stands in the place of "/", without a final slash; empty for "/" itself */
export function hasPolkit(root = ""): boolean {
  try {
    return exists(`${root}${POLKIT_FOLDER}`);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

/** What `install` says where a client's service cannot set DNS: no fault until a server tells some. */
export async function dnsHint(): Promise<string | undefined> {
  const missing = await missingForDns();
  return missing &&
    `If the server tells DNS servers, the service cannot set them yet: for that run ${missing}, ` +
      `then ${INSTALL}`;
}

/**
 * Only systemd-resolved can be told by others than root, and only if polkit says so.
 *
 * @returns a command or two that give this machine both, each in quotes; undefined if it has them
 */
async function missingForDns(): Promise<string | undefined> {
  const isRunning = await runsResolved();
  const packages = [...isRunning ? [] : ["systemd-resolved"], ...hasPolkit() ? [] : ["polkitd"]];
  const commands = [
    ...packages.length > 0 ? [`apt-get install ${packages.join(" ")}`] : [],
    // The package of Debian does this by itself.
    ...isRunning && !asksResolved()
      ? [`ln -sf ../run/systemd/resolve/stub-resolv.conf ${RESOLV_CONF}`]
      : [],
  ];
  return commands.length === 0
    ? undefined
    : commands.map((command) => `"${command}"`).join(" and ");
}

/** What lets the service set DNS, as a sentence that begins with "run". */
export async function serviceRemedy(): Promise<string> {
  const missing = await missingForDns();
  return `run ${missing === undefined ? "" : `${missing}, then `}${INSTALL}`;
}

/**
 * What to say after "Cannot set this machine's DNS: ".
 *
 * @param way by what it was tried
 * @returns undefined if it did not fail because this program is not root
 */
export async function describeRefusal(error: Error, way: DnsWay): Promise<string | undefined> {
  if (effectiveUser() === 0 || !REFUSAL.test(error.message)) return undefined;
  const isService = (await findUser(SERVICE_USER))?.uid === effectiveUser();
  return isService
    ? `${NEEDS[way]}: ${await serviceRemedy()}`
    : `${NEEDS[way]}; the service that "simplevpn-client install" makes may tell systemd-resolved`;
}
