import type { Subject } from "./subject.ts";
import { fastd } from "./subjects/fastd.ts";
import { openvpns } from "./subjects/openvpn.ts";
import { classic, simplevpn, simplevpnTcp, simplevpnUdp } from "./subjects/simplevpn.ts";
import { tinc } from "./subjects/tinc.ts";
import { veth } from "./subjects/veth.ts";
import { vtun } from "./subjects/vtun.ts";
import { wireguards } from "./subjects/wireguard.ts";

/** The subject that the others are compared with. */
export const BASE = veth;

/** What is measured when nothing is said, in the order of the table. */
export const OWN_SUBJECTS: readonly Subject[] = [
  BASE,
  simplevpn,
  simplevpnTcp,
  simplevpnUdp,
  classic,
];

/** Other VPNs. */
export const PEERS: readonly Subject[] = [...openvpns, ...wireguards, fastd, tinc, vtun];

/** All that can be measured, in the order of the table. */
export const SUBJECTS: readonly Subject[] = [...OWN_SUBJECTS, ...PEERS];
