import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { haveOverlap, isWithin, type Prefix } from "../../lib/address/prefix.ts";
import type { Peer, Registry } from "../../lib/config/registry.ts";
import { type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";

const PEERS = "peers";

/** Whether what is known of peers goes together. */
export function checkRegistry({ peers, invites }: Registry, network: Prefix): Finding[] {
  const now = Date.now();
  const open = invites.filter(({ state, expires }) => state === "open" && expires > now);
  if (peers.length === 0 && open.length === 0) {
    return [
      note(PEERS, "Nobody can connect yet", {
        why: "there is no peer and no open invite",
        mend: '"sudo simplevpn-server invite NAME"',
      }),
    ];
  }
  const findings = [
    ...peers.flatMap((peer) => checkAddress(peer, network)),
    ...peers.flatMap((peer, i) => peers.slice(i + 1).flatMap((other) => overlap(peer, other))),
    ...peers.flatMap(({ name, routes }) =>
      routes.filter((route) => haveOverlap(route, network)).map((route) =>
        warning(
          PEERS,
          `The network ${route} behind ${name} overlaps the clients' own, ${network}`,
          {
            why: "packets for other clients may go to it",
            mend:
              `"sudo simplevpn-server peers set ${name} --route CIDR" with a network that does not`,
          },
        )
      )
    ),
  ];
  const disabled = peers.filter(({ enabled }) => !enabled).map(({ name }) => name);
  if (disabled.length > 0) {
    findings.push(
      note(PEERS, `Disabled, and refused until "peers enable": ${disabled.join(", ")}`),
    );
  }
  const summary = `${peers.length} may connect, ${open.length} invites are open`;
  return findings.length > 0 ? findings : [ok(PEERS, summary)];
}

function checkAddress({ name, address }: Peer, network: Prefix): Finding[] {
  if (address === undefined || isWithin(network, address)) return [];
  return [
    warning(PEERS, `${name} has the address ${formatIpv4(address)}, which is not in ${network}`, {
      why: "it is refused; the server's --network is another one than it was",
      mend:
        `"sudo simplevpn-server peers set ${name} --address ADDRESS", or start with the old --network`,
    }),
  ];
}

function overlap(one: Peer, other: Peer): Finding[] {
  return one.routes.flatMap((route) =>
    other.routes.filter((another) => haveOverlap(route, another)).map((another) =>
      warning(PEERS, `${route} behind ${one.name} overlaps ${another} behind ${other.name}`, {
        why:
          "packets go to one of them alone: the one with the longer prefix, or the one that came last",
        mend: `"sudo simplevpn-server peers set ${other.name} --route CIDR" with another network`,
      })
    )
  );
}
