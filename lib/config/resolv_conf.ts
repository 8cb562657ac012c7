/** resolv.conf(5): reading and writing what glibc's resolver reads of it (res_init.c). */

/** What a resolv.conf says. */
export interface ResolvConf {
  /** Addresses as text, the one to ask first first; perhaps with a scope ("fe80::1%eth0"). */
  nameservers: readonly string[];
  search: readonly string[];
  /** Lines of other keywords (options, sortlist), as they stand. */
  others: readonly string[];
}

/** More than so many nameservers are not read (MAXNS in resolv.h). */
export const MAX_NAMESERVERS = 3;

/**
 * Reads a resolv.conf. Like glibc it takes anything: what is no keyword at the begin of a line, with a
 * space or tab and a value behind it, is passed over, and of several search lists the last one counts.
 */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const others: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [, keyword, rest] = /^([a-z]+)[ \t]+(.*)$/s.exec(line) ?? [];
    const values = rest?.split(/[ \t\r]+/).filter((value) => value !== "") ?? [];
    if (values.length === 0) continue;
    if (keyword === "nameserver") nameservers.push(values[0]!);
    else if (keyword === "search") search = values;
    else if (keyword === "domain") search = values.slice(0, 1);
    else others.push(`${keyword} ${values.join(" ")}`);
  }
  return { nameservers, search, others };
}

/** The text of a resolv.conf. @param comments lines for whoever reads it, without the "#" */
export function formatResolvConf(
  { nameservers, search, others }: ResolvConf,
  comments: readonly string[] = [],
): string {
  const lines = [
    ...comments.map((comment) => `# ${comment}`),
    ...nameservers.map((server) => `nameserver ${server}`),
    ...search.length > 0 ? [`search ${search.join(" ")}`] : [],
    ...others,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/**
 * What a machine's resolv.conf is to say while it is in a tunnel.
 *
 * @param before what it says without
 * @param all whether all names are the tunnel's: then nobody else is asked; else those who were asked
 *   before still are, should the tunnel's servers not answer
 */
export function joinResolvConf(
  before: ResolvConf,
  { nameservers, search, all }: Pick<ResolvConf, "nameservers" | "search"> & { all: boolean },
): ResolvConf {
  const { others } = before;
  if (all) return { nameservers: nameservers.slice(0, MAX_NAMESERVERS), search, others };
  return {
    nameservers: unique([...nameservers, ...before.nameservers]).slice(0, MAX_NAMESERVERS),
    search: unique([...search, ...before.search]),
    others,
  };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
