import type { Machine } from "../../scripts/lab.ts";

/** Adds chains of rules to a machine's packet filter, in a table of the lab's own. */
export async function filter(machine: Machine, ...chains: string[]): Promise<void> {
  await machine.run("nft", `table inet lab {\n${chains.join("\n")}\n}`);
}

/** Takes all of them away again. */
export async function unfilter(machine: Machine): Promise<void> {
  await machine.run("nft", "delete table inet lab");
}

/** Drops without a word what comes to a machine by this protocol, such as "udp" or "tcp". */
export async function block(machine: Machine, protocol: string): Promise<void> {
  const chain = `chain in { type filter hook prerouting priority -300; iifname "eth*" `;
  await filter(machine, `${chain} meta l4proto ${protocol} drop; }`);
}
