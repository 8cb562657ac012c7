/**
 * Whether the older iptables drops what no rule of a chain says anything about, and none seems to accept
 * this.
 *
 * @param legacy what `iptables-legacy -S` prints
 * @param chain INPUT or FORWARD
 * @param accepted what a rule that accepts it would have in it
 */
export function legacyDrops(legacy: string, chain: string, accepted: RegExp): boolean {
  const lines = legacy.split("\n").filter((line) => line.split(" ")[1] === chain);
  if (!lines.includes(`-P ${chain} DROP`)) return false;
  if (lines.includes(`-A ${chain} -j ACCEPT`)) return false;
  // What another chain decides is not followed.
  return !lines.some((line) =>
    (accepted.test(line) && line.endsWith("-j ACCEPT")) ||
    / -j (?!ACCEPT|DROP|REJECT|LOG)/.test(line)
  );
}
