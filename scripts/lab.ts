/**
 * A laboratory of network namespaces on this machine: little machines with cables between them, for
 * the demo, the lab tests and the bench. All of it is gone when the lab is closed.
 */
import { LabGuard } from "./lab_guard.ts";
import { LabProcess } from "./lab_process.ts";

export { LabProcess };

const decoder = new TextDecoder();

/** Commands that cannot be taken for granted, and Debian's packages that make them work. */
export const PREREQUISITES: Readonly<Record<string, string>> = {
  ip: "iproute2",
  ping: "iputils-ping",
  iperf3: "iperf3",
  tcpdump: "tcpdump",
  nft: "nftables",
  ethtool: "ethtool",
  gcc: "gcc libc6-dev",
  "x86_64-linux-gnu-gcc": "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
  "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
  "qemu-aarch64-static": "qemu-user-static",
  python3: "python3",
  groff: "groff-base",
  tincd: "tinc",
  vtund: "vtun",
  promtool: "prometheus",
  "systemd-analyze": "systemd",
  systemctl: "systemd",
  setpriv: "util-linux",
  nsenter: "util-linux",
  "dbus-daemon": "dbus",
};

/** What no other namespace's name begins with; tests in parallel are threads of one process. */
function uniqueName(): string {
  return `svpn-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
}

/** Which of these commands are not installed. */
export async function missingCommands(commands: readonly string[]): Promise<string[]> {
  const found = await Promise.all(commands.map(async (command) => {
    const shell = new Deno.Command("sh", { args: ["-c", `command -v ${command}`], stdout: "null" });
    return (await shell.output()).success;
  }));
  return commands.filter((_, i) => !found[i]);
}

/** Why no lab can be opened here, as one line; undefined if one can. */
export async function labObstacle(): Promise<string | undefined> {
  if ((await missingCommands(["ip"])).length > 0) {
    return "the command ip is missing: apt-get install iproute2";
  }
  const probe = uniqueName();
  const added = await output(["ip", "netns", "add", probe]);
  if (!added.success) return `network namespaces cannot be made: ${added.stderr.trim()}`;
  const tun = await output(["ip", "-n", probe, "tuntap", "add", "mode", "tun", "name", "probe0"]);
  await output(["ip", "netns", "delete", probe]);
  return tun.success ? undefined : `TUN devices cannot be made: ${tun.stderr.trim()}`;
}

/** What a finished command left. */
export interface CommandOutput {
  success: boolean;
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of this machine to its end. */
export async function output(command: readonly string[]): Promise<CommandOutput> {
  const { success, code, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    stdin: "null",
  }).output();
  return { success, code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** One machine of the lab. */
export class Machine {
  /** Name of its network namespace. */
  readonly namespace: string;
  readonly #processes: LabProcess[] = [];

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Runs a command to its end. */
  try(...command: string[]): Promise<CommandOutput> {
    return output(this.#inside(command));
  }

  /** Runs a command to its end and gives its stdout. @throws {Error} if it fails */
  async run(...command: string[]): Promise<string> {
    const { success, code, stdout, stderr } = await this.try(...command);
    if (success) return stdout;
    throw new Error(
      `"${command.join(" ")}" in ${this.namespace}: status ${code}: ${stderr}${stdout}`,
    );
  }

  /** Starts a command that runs on; it ends with the lab at the latest. */
  start(command: readonly string[], env: Record<string, string> = {}): LabProcess {
    const process = new LabProcess(this.#inside(command), env);
    this.#processes.push(process);
    return process;
  }

  /** Ends what was started here. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }

  #inside(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, ...command];
  }
}

/** Namespaces, cables and processes that are made and removed together. */
export class Lab implements AsyncDisposable {
  readonly #prefix = uniqueName();
  readonly #guard = new LabGuard(this.#prefix);
  readonly #machines: Machine[] = [];
  #cables = 0;

  /** A folder that is removed with the lab. */
  get folder(): string {
    return this.#guard.folder;
  }

  /** Makes a machine with nothing but its loopback interface. */
  async machine(name: string): Promise<Machine> {
    const machine = new Machine(`${this.#prefix}-${name}`);
    await must(["ip", "netns", "add", machine.namespace]);
    this.#machines.push(machine);
    await machine.run("ip", "link", "set", "lo", "up");
    return machine;
  }

  /**
   * Lays a cable (a veth pair) between two machines. Addresses are given with their prefix lengths;
   * the interfaces are named by `names`, or eth0, eth1, ... per lab.
   */
  async cable(
    one: Machine,
    oneAddresses: readonly string[],
    other: Machine,
    otherAddresses: readonly string[],
  ): Promise<{ one: string; other: string }> {
    const names = { one: `eth${this.#cables++}`, other: `eth${this.#cables++}` };
    // Made inside the first namespace, so that no interface of the host is ever named like this.
    await must([
      ...["ip", "-n", one.namespace, "link", "add", names.one, "type", "veth"],
      ...["peer", "name", names.other, "netns", other.namespace],
    ]);
    await this.#setUp(one, names.one, oneAddresses);
    await this.#setUp(other, names.other, otherAddresses);
    return names;
  }

  /** Removes everything, also after a failure half way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#machines.map((machine) => machine.stopAll()));
    await this.#guard.close();
  }

  async #setUp(machine: Machine, name: string, addresses: readonly string[]): Promise<void> {
    // No link-local address that turns up a moment later: the addresses given are all.
    await machine.run("ip", "link", "set", name, "addrgenmode", "none");
    for (const address of addresses) {
      // Without nodad an IPv6 address cannot be used for its first second.
      const flags = address.includes(":") ? ["nodad"] : [];
      await machine.run("ip", "address", "add", address, "dev", name, ...flags);
    }
    await machine.run("ip", "link", "set", name, "up");
  }
}

/** Waits. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function must(command: readonly string[]): Promise<void> {
  const { success, stderr } = await output(command);
  if (!success) throw new Error(`"${command.join(" ")}" failed: ${stderr}`);
}
