import { readKernelFileIfAny } from "../../ffi/kernel_file.ts";
import { isIpv4Prefix, isIpv6Prefix, type Prefix } from "../../lib/address/prefix.ts";
import { fault, type Finding, note, ok } from "../../lib/doctor/finding.ts";
import { legacyDrops } from "../../lib/doctor/legacy_rules.ts";
import { findDrop, hasSourceNat } from "../../lib/doctor/nft_ruleset.ts";
import type { PacketFilter } from "./packet_filter.ts";

const FORWARDING = "forwarding";
const FORWARD_FILTER = "forward-filter";
const NAT = "nat";
const RP_FILTER = "rp-filter";

/** What is to be passed on to whom. */
export interface Passage {
  /** Networks behind the server that clients are sent to. */
  routes: readonly Prefix[];
  /** The clients' own. */
  network: Prefix;
  /** The running server's TUN device. */
  tun: string | undefined;
  /** Whether the server sees to forwarding itself (--forward, --nat), from its start on. */
  isGateway: boolean;
}

/** Whether packets between clients and the networks behind the server get through this machine. */
export function checkForwarding(passage: Passage, filter: PacketFilter | undefined): Finding[] {
  const { routes, isGateway, tun } = passage;
  if (routes.length === 0 || (isGateway && tun === undefined)) return [];
  return [
    ...checkSysctl(routes.some(isIpv4Prefix), "net.ipv4.ip_forward"),
    ...checkSysctl(routes.some(isIpv6Prefix), "net.ipv6.conf.all.forwarding"),
    ...checkFilter(passage, filter),
    ...checkReversePath(passage),
  ];
}

function checkSysctl(isWanted: boolean, name: string): Finding[] {
  if (!isWanted) return [];
  const value = readKernelFileIfAny(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim();
  if (value === undefined) return [note(FORWARDING, `${name} cannot be read`)];
  if (value !== "0") return [ok(FORWARDING, `This machine passes packets on (${name})`)];
  return [
    fault(FORWARDING, `This machine passes no packets on: ${name} is 0`, {
      why:
        "clients are told that the networks of --route are behind this server, and packets end here",
      mend:
        `start the server with --nat or --forward, or "sudo sysctl -w ${name}=1"; to keep it: put "${name}=1" into /etc/sysctl.d/simplevpn.conf`,
    }),
  ];
}

function checkFilter(
  { routes, network, tun }: Passage,
  filter: PacketFilter | undefined,
): Finding[] {
  if (filter === undefined) return [];
  const { chains, legacy } = filter;
  const packet = tun === undefined ? {} : { in: tun };
  const chain = findDrop(chains, "forward", packet);
  const findings: Finding[] = [];
  if (chain !== undefined || legacyDrops(legacy, "FORWARD", new RegExp(tun ?? "simplevpn"))) {
    const where = chain === undefined ? "FORWARD" : `${chain.family} ${chain.table} ${chain.name}`;
    const device = tun ?? "simplevpn0";
    findings.push(
      fault(
        FORWARD_FILTER,
        "This machine's packet filter drops what clients send to networks behind it",
        {
          why: `the chain ${where} drops what no rule accepts (Docker, for one, sets that)`,
          mend: chain === undefined
            ? `"sudo iptables-legacy -I FORWARD -i ${device} -j ACCEPT", and the same with -o`
            : `"sudo nft insert rule ${where} iifname ${device} accept", and the same with oifname`,
        },
      ),
    );
  }
  if (!hasSourceNat(chains)) {
    findings.push(
      note(NAT, `Nothing rewrites the addresses of ${network} on the way to ${routes.join(", ")}`, {
        why:
          "hosts there answer only if they, or their router, know that these are behind this server",
        mend: `add a route there to ${network} by this machine, or start the server with --nat`,
      }),
    );
  }
  return findings;
}

/** Strict checking of sources (RFC 3704) drops what comes by another way than answers would go. */
function checkReversePath({ tun }: Passage): Finding[] {
  const read = (name: string): number =>
    Number(readKernelFileIfAny(`/proc/sys/net/ipv4/conf/${name}/rp_filter`) ?? 0);
  if (tun === undefined || Math.max(read("all"), read(tun)) !== 1) return [];
  return [
    note(RP_FILTER, `Sources of packets out of ${tun} are checked strictly (rp_filter is 1)`, {
      why:
        "that is right unless a network behind a client is reached from here by another way, too",
      mend: `if so: "sudo sysctl -w net.ipv4.conf.${tun}.rp_filter=2" and the same for "all"`,
    }),
  ];
}
