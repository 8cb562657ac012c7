import type { Subject } from "./subject.ts";
import { classic, simplevpn } from "./subjects/simplevpn.ts";
import { veth } from "./subjects/veth.ts";

/** The subject that the others are compared with. */
export const BASE = veth;

/** All that can be measured, in the order of the table. */
export const SUBJECTS: readonly Subject[] = [BASE, simplevpn, classic];
