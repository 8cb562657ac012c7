import type { Lab, LabProcess, Machine } from "./lab.ts";
import { ROOT } from "./program.ts";

const RELAY = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", `${ROOT}scripts/relay.ts`];

/** Commands that an impaired link needs besides those of a lab. */
export const LINK_COMMANDS: readonly string[] = ["ethtool", "nft"];

/** nftables counts loss in parts of this. */
const LOSS_PARTS = 100_000;

/** Links of all labs; a link's machine needs a name of its own in its lab. */
let links = 0;

/** What is wrong with a link. */
export interface Impairment {
  /** Milliseconds for the way there and back, half of them each way. */
  roundTrip: number;
  /** Percent of the packets that get lost, each way. */
  loss: number;
}

/**
 * A link between two machines that delays packets and loses some: two cables, and between them a
 * machine without an address that runs relay.ts. What gets lost is a packet of the wire, of up to the
 * MTU, each by itself.
 */
export class ImpairedLink {
  /** The two machines' interfaces. */
  readonly one: string;
  readonly other: string;
  readonly #middle: Machine;
  readonly #relay: LabProcess;
  /** The middle machine's interfaces. */
  readonly #interfaces: readonly [string, string];

  private constructor(
    ends: { one: string; other: string },
    middle: Machine,
    relay: LabProcess,
    interfaces: readonly [string, string],
  ) {
    this.one = ends.one;
    this.other = ends.other;
    this.#middle = middle;
    this.#relay = relay;
    this.#interfaces = interfaces;
  }

  /** Lays a link, as `lab.cable()` does a cable; it is gone with the lab. */
  static async lay(
    lab: Lab,
    one: Machine,
    oneAddresses: readonly string[],
    other: Machine,
    otherAddresses: readonly string[],
    { roundTrip, loss }: Impairment,
  ): Promise<ImpairedLink> {
    const middle = await lab.machine(`link${++links}`);
    const near = await lab.cable(one, oneAddresses, middle, []);
    const far = await lab.cable(middle, [], other, otherAddresses);
    await segmentBeforeWire(one, near.one);
    await segmentBeforeWire(other, far.other);
    const interfaces = [near.other, far.one] as const;
    const relay = middle.start([...RELAY, ...interfaces, String(roundTrip / 2)]);
    await relay.waitFor(/^Relaying$/m);
    const link = new ImpairedLink({ one: near.one, other: far.other }, middle, relay, interfaces);
    await link.lose(loss);
    return link;
  }

  /** Frames that came faster than the relay moved them, about a second ago. */
  get dropped(): number {
    return Number([...this.#relay.stderr.matchAll(/^Dropped (\d+)$/gm)].at(-1)?.[1] ?? 0);
  }

  /** From now on loses so many percent of the packets, each way. */
  async lose(percent: number): Promise<void> {
    const parts = Math.round(percent / 100 * LOSS_PARTS);
    const rules = [
      // So that there is one to delete.
      "table netdev loss",
      "delete table netdev loss",
      "table netdev loss {",
      "  chain both {",
      `    type filter hook egress devices = { ${this.#interfaces.join(", ")} } priority 0`,
      // On longer ways nobody asks for the other end's Ethernet address, and asking again takes a second.
      "    meta protocol != { ip, ip6 } accept",
      "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
      ...parts > 0 ? [`    numgen random mod ${LOSS_PARTS} < ${parts} counter drop`] : [],
      "  }",
      "}",
    ];
    await this.#middle.run("nft", rules.join("\n"));
  }

  /** Cuts it for good: nothing arrives any more, and what is under way is gone. */
  async close(): Promise<void> {
    await this.#relay.stop();
  }
}

/** Makes a machine send packets as they are on a wire, rather than several in one. */
async function segmentBeforeWire(machine: Machine, name: string): Promise<void> {
  await machine.run("ethtool", "-K", name, "tso", "off", "tx-udp-segmentation", "off");
}
