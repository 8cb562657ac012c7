/**
 * What a packet filter does with a packet, as far as that can be told from what `nft -j list ruleset`
 * prints (libnftables-json(5)). Of a condition that is not known here both outcomes are taken to be
 * possible, so that only what is surely dropped is said to be.
 */

/** A packet that begins something new. What is undefined may be anything. */
export interface FilteredPacket {
  protocol?: "tcp" | "udp";
  /** Destination port. */
  port?: number;
  /** The interfaces by which it comes and goes. */
  in?: string;
  out?: string;
}

export interface NftChain {
  family: string;
  table: string;
  name: string;
  type?: string | undefined;
  hook?: string | undefined;
  policy?: string | undefined;
  rules: readonly NftExpression[][];
}

type NftExpression = Readonly<Record<string, unknown>>;

/** Whether a condition holds; undefined if that depends on more than is known. */
type Truth = boolean | undefined;

/** What becomes of a packet; "maybe" if it may be accepted. */
type Outcome = "accept" | "drop" | "maybe" | "goes on";

/** Stand for what a packet has: a transport that is not the one asked about, and any interface but lo. */
const OTHER_PROTOCOL = "(another protocol)";
const OUTSIDE = "(outside)";

/** Reads the JSON of a ruleset. @throws {SyntaxError} if it is none */
export function parseRuleset(text: string): NftChain[] {
  const { nftables } = asRecord(JSON.parse(text));
  if (!Array.isArray(nftables)) throw new SyntaxError("It is no ruleset of nft");
  const chains: (NftChain & { rules: NftExpression[][] })[] = [];
  for (const entry of nftables.map(asRecord)) {
    const { family, table, name, chain, type, hook, policy, expr } = asRecord(
      entry.chain ?? entry.rule,
    );
    if (entry.chain !== undefined) {
      chains.push({
        family: String(family),
        table: String(table),
        name: String(name),
        type: type as string | undefined,
        hook: hook as string | undefined,
        policy: policy as string | undefined,
        rules: [],
      });
    } else if (entry.rule !== undefined && Array.isArray(expr)) {
      const found = chains.find((known) =>
        known.name === chain && known.table === table && known.family === family
      );
      found?.rules.push(expr.map(asRecord));
    }
  }
  return chains;
}

/** The first chain at a hook that surely drops an IPv4 packet; undefined if it may pass. */
export function findDrop(
  chains: readonly NftChain[],
  hook: string,
  packet: FilteredPacket,
): NftChain | undefined {
  const walk = new Walk(chains, packet);
  return chains.find((chain) =>
    chain.hook === hook && chain.type === "filter" && ["ip", "inet"].includes(chain.family) &&
    walk.outcome(chain) === "drop"
  );
}

/** Whether anything rewrites the source addresses of what leaves. */
export function hasSourceNat(chains: readonly NftChain[]): boolean {
  const kinds = ["masquerade", "snat", "xt"];
  const nat = chains.filter(({ type }) => type === "nat");
  return nat.some(({ hook, family, table }) =>
    hook === "postrouting" &&
    chains.some((chain) =>
      chain.family === family && chain.table === table &&
      chain.rules.some((rule) => rule.some((part) => kinds.some((kind) => kind in part)))
    )
  );
}

/** One packet's way through chains, each of which is gone through once. */
class Walk {
  readonly #chains: readonly NftChain[];
  readonly #packet: FilteredPacket;
  readonly #outcomes = new Map<NftChain, Outcome>();

  constructor(chains: readonly NftChain[], packet: FilteredPacket) {
    this.#chains = chains;
    this.#packet = packet;
  }

  outcome(chain: NftChain): Outcome {
    const known = this.#outcomes.get(chain);
    if (known !== undefined) return known;
    // What leads to itself, which no kernel takes, may do anything.
    this.#outcomes.set(chain, "maybe");
    const outcome = this.#walk(chain);
    this.#outcomes.set(chain, outcome);
    return outcome;
  }

  #walk(chain: NftChain): Outcome {
    let possible = false;
    for (const rule of chain.rules) {
      const truth = ruleTruth(rule, this.#packet);
      if (truth === false) continue;
      const verdict = this.#verdict(chain, rule);
      if (verdict === "returns") {
        if (truth) break;
      } else if (verdict === "accept" && truth) return "accept";
      else if (verdict === "drop" && truth) return possible ? "maybe" : "drop";
      else if (verdict === "accept" || verdict === "maybe") possible = true;
    }
    if (chain.hook === undefined) return possible ? "maybe" : "goes on";
    if (chain.policy !== "drop") return "accept";
    return possible ? "maybe" : "drop";
  }

  #verdict({ family, table }: NftChain, rule: readonly NftExpression[]): Outcome | "returns" {
    for (const part of rule) {
      if ("accept" in part) return "accept";
      if ("drop" in part || "reject" in part) return "drop";
      if ("return" in part) return "returns";
      // A map of verdicts, a queue, or a target of another program: nobody knows.
      if ("vmap" in part || "queue" in part || "xt" in part) return "maybe";
      const jump = part.jump ?? part.goto;
      if (jump === undefined) continue;
      const { target } = asRecord(jump);
      const next = this.#chains.find((chain) =>
        chain.name === target && chain.table === table && chain.family === family
      );
      return next === undefined ? "maybe" : this.outcome(next);
    }
    return "goes on";
  }
}

function ruleTruth(rule: readonly NftExpression[], packet: FilteredPacket): Truth {
  let truth: Truth = true;
  for (const part of rule) {
    if ("limit" in part) truth = undefined;
    if (!("match" in part)) continue;
    const one = matchTruth(asRecord(part.match), packet);
    if (one === false) return false;
    if (one === undefined) truth = undefined;
  }
  return truth;
}

function matchTruth({ op, left, right }: NftExpression, packet: FilteredPacket): Truth {
  const actual = packetValue(asRecord(left), packet);
  if (actual === undefined) return undefined;
  if (actual === OTHER_PROTOCOL) return false;
  const equal = isAmong(actual, right);
  return op === "!=" ? equal === undefined ? undefined : !equal : equal;
}

/** What the packet has where a match looks; undefined if that is not known. */
function packetValue(
  { meta, payload, ct }: NftExpression,
  packet: FilteredPacket,
): string | number | undefined {
  const key = asRecord(meta).key;
  if (key === "l4proto") return packet.protocol;
  if (key === "nfproto") return "ipv4";
  if (key === "protocol") return "ip";
  // What comes from outside does not come by lo, whatever else it comes by.
  if (key === "iifname" || key === "iif") return packet.in ?? OUTSIDE;
  if (key === "oifname" || key === "oif") return packet.out;
  if (asRecord(ct).key === "state") return "new";
  const { protocol, field } = asRecord(payload);
  if (protocol === "ip" && field === "protocol") return packet.protocol;
  if (field !== "dport" || packet.port === undefined) {
    return packet.protocol !== undefined && isOtherTransport(protocol, packet.protocol)
      ? OTHER_PROTOCOL
      : undefined;
  }
  if (protocol === packet.protocol || protocol === "th") return packet.port;
  return OTHER_PROTOCOL;
}

function isOtherTransport(protocol: unknown, own: string): boolean {
  return ["tcp", "udp", "icmp", "icmpv6", "sctp"].includes(String(protocol)) && protocol !== own;
}

function isAmong(actual: string | number, right: unknown): Truth {
  if (Array.isArray(right)) return any(right.map((one) => isAmong(actual, one)));
  if (typeof right === "object" && right !== null) {
    const { set, range } = asRecord(right);
    if (Array.isArray(set)) return isAmong(actual, set);
    if (Array.isArray(range) && typeof actual === "number") {
      return actual >= Number(range[0]) && actual <= Number(range[1]);
    }
    return undefined;
  }
  const text = String(right);
  // A named set, whose elements are elsewhere.
  if (text.startsWith("@")) return undefined;
  if (actual === OUTSIDE) return text === "lo" ? false : undefined;
  if (text.endsWith("*")) return String(actual).startsWith(text.slice(0, -1));
  return String(actual) === text;
}

function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(undefined) ? undefined : false;
}

function asRecord(value: unknown): NftExpression {
  return typeof value === "object" && value !== null ? value as NftExpression : {};
}
