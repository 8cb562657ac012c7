/**
 * What turning on a machine's IP forwarding changes in its kernel, and how that is undone. One switch of
 * each version of IP does it, and changes other settings by itself (inet_forward_change() in
 * net/ipv4/devinet.c, addrconf_fixup_forwarding() in net/ipv6/addrconf.c).
 */

export type IpVersion = "ipv4" | "ipv6";

/** One setting of the kernel, a file in /proc/sys, such as "net/ipv4/conf/all/forwarding". */
export interface ChangedSetting {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** Gives a setting's value; undefined if there is no such setting. */
export type ReadSetting = (name: string) => string | undefined;

const SWITCH = /^net\/(ipv4|ipv6)\/conf\/all\/forwarding$/;

function setting(version: IpVersion, scope: string, name: string): string {
  return `net/${version}/conf/${scope}/${name}`;
}

/**
 * All that changes when forwarding is turned on where it is off, in the order in which it has to be
 * done.
 *
 * @param interfaces the machine's, by their names
 */
export function planForwarding(
  versions: readonly IpVersion[],
  interfaces: readonly string[],
  read: ReadSetting,
): ChangedSetting[] {
  return versions
    .filter((version) => read(setting(version, "all", "forwarding")) === "0")
    .flatMap((version) => planVersion(version, ["default", ...interfaces], read));
}

function planVersion(
  version: IpVersion,
  scopes: readonly string[],
  read: ReadSetting,
): ChangedSetting[] {
  const change = (scope: string, name: string, after: string): ChangedSetting[] => {
    const before = read(setting(version, scope, name));
    return before === undefined ? [] : [{ name: setting(version, scope, name), before, after }];
  };
  const forwarding = ["all", ...scopes].flatMap((scope) => change(scope, "forwarding", "1"));
  if (version === "ipv4") return [...forwarding, ...change("all", "accept_redirects", "0")];
  // A router takes no advertisements, by which this machine may have its own way out, unless it is told 2;
  // it forgets what it has of them at the moment when it becomes one, so that comes first.
  const advertisements = scopes
    .flatMap((scope) => change(scope, "accept_ra", "2"))
    .filter(({ before }) => before === "1");
  return [...advertisements, ...forwarding];
}

/**
 * What to write, in this order, to have settings as they were before. What somebody else changed
 * meanwhile stays as that is now.
 */
export function planUndoing(
  changes: readonly ChangedSetting[],
  read: ReadSetting,
): { name: string; value: string }[] {
  const writes = changes.flatMap(({ name, before, after }) => {
    const present = read(name);
    if (present === undefined) return [];
    return [{ name, value: present === after ? before : present }];
  });
  // A switch changes the others once more, so it comes before them.
  const isSwitch = ({ name }: { name: string }): boolean => SWITCH.test(name);
  return [...writes.filter(isSwitch), ...writes.filter((write) => !isSwitch(write))];
}

/** Those of some changes that have to do with none of these versions. */
export function withoutVersions(
  changes: readonly ChangedSetting[],
  versions: readonly IpVersion[],
): ChangedSetting[] {
  return changes.filter(({ name }) =>
    !versions.some((version) => name.startsWith(`net/${version}/`))
  );
}

/** Which versions were not forwarded before these changes. */
export function versionsTurnedOn(changes: readonly ChangedSetting[]): IpVersion[] {
  return changes.flatMap(({ name }) => SWITCH.exec(name)?.[1] as IpVersion | undefined ?? []);
}

/** From which interfaces IPv4 was forwarded before these changes: it has such a setting for each. */
export function forwardingInterfaces(changes: readonly ChangedSetting[]): string[] {
  return changes.flatMap(({ name, before }) => {
    const scope = /^net\/ipv4\/conf\/(.*)\/forwarding$/.exec(name)?.[1];
    return scope === undefined || scope === "default" || before !== "1" ? [] : [scope];
  });
}
