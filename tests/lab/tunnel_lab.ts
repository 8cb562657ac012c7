/** What the lab tests share: the real programs on little machines, and tests that say why they skip. */
import {
  Lab,
  labObstacle,
  type LabProcess,
  type Machine,
  missingCommands,
  PREREQUISITES,
} from "../../scripts/lab.ts";
import { ImpairedLink, type Impairment } from "../../scripts/impaired_link.ts";
import { program, type ProgramSource } from "../../scripts/program.ts";

/** The lab tests run the programs from source, or with SIMPLEVPN_PROGRAMS=compiled those in dist/. */
export const SOURCE: ProgramSource = Deno.env.get("SIMPLEVPN_PROGRAMS") === "compiled"
  ? "compiled"
  : "source";

/** Tries a TUN device by itself: tun_probe.ts. */
export const TUN_PROBE: readonly string[] = [
  ...[Deno.execPath(), "run", "--no-prompt", "--allow-ffi", "--allow-read"],
  new URL("tun_probe.ts", import.meta.url).pathname,
];

const IN_CI = Deno.env.get("CI") === "true";
const OBSTACLE = await labObstacle();

/** A test that needs a lab and these commands, and that `obstacle` may stand in the way of. */
export async function labTest(
  name: string,
  commands: readonly string[],
  fn: () => Promise<void>,
  obstacle?: string,
): Promise<void> {
  testUnless(OBSTACLE ?? await missingPackages(commands) ?? obstacle, name, fn);
}

/** What installs those of these commands that are not there; undefined if all are. */
export async function missingPackages(commands: readonly string[]): Promise<string | undefined> {
  const missing = await missingCommands(commands);
  const packages = missing.map((command) => PREREQUISITES[command] ?? command);
  return missing.length > 0 ? `apt-get install ${packages.join(" ")}` : undefined;
}

/**
 * A test that something may stand in the way of. Then it is reported as ignored, with the reason in
 * its name; under CI=true that is a failure instead.
 */
export function testUnless(
  obstacle: string | undefined,
  name: string,
  fn: () => Promise<void>,
): void {
  if (obstacle === undefined) {
    Deno.test(name, fn);
  } else if (IN_CI) {
    Deno.test(name, () => {
      throw new Error(`Cannot run here: ${obstacle}`);
    });
  } else {
    Deno.test({ name: `${name} (needs: ${obstacle})`, ignore: true, fn });
  }
}

/** A machine with a cable of its own to the server. */
export interface ClientMachine {
  machine: Machine;
  /** Its end of the cable. */
  interface: string;
  /** Its outer addresses. */
  host: string;
  host6: string;
  /** The server's outer addresses, as this machine reaches it. */
  server: string;
  server6: string;
}

/** A running client that has been given an address. */
export interface ConnectedClient {
  process: LabProcess;
  /** Its inner address. */
  address: string;
  /** Its inner IPv6 address; empty if it has none. */
  address6: string;
  /** Its TUN device. */
  tun: string;
}

/** A server's machine with clients' machines around it. All of it is gone when disposed of. */
export class TunnelLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly server: Machine;
  /** The server's state folder. */
  readonly state: string;
  #clients = 0;

  private constructor(lab: Lab, server: Machine) {
    this.lab = lab;
    this.server = server;
    this.state = `${lab.folder}/state`;
  }

  static async open(): Promise<TunnelLab> {
    const lab = new Lab();
    return new TunnelLab(lab, await lab.machine("server"));
  }

  /**
   * The n-th client's cable is 198.51.100.(4n)/30 and 2001:db8:n::/64; the server has .1 and ::1.
   *
   * @param impairment what is wrong with it; needs LINK_COMMANDS
   */
  async addClient(impairment?: Impairment): Promise<ClientMachine> {
    const n = ++this.#clients;
    const machine = await this.lab.machine(`client${n}`);
    const [server, host] = [`198.51.100.${4 * n + 1}`, `198.51.100.${4 * n + 2}`];
    const [server6, host6] = [`2001:db8:${n}::1`, `2001:db8:${n}::2`];
    const near = [`${server}/30`, `${server6}/64`];
    const far = [`${host}/30`, `${host6}/64`];
    const { other } = impairment === undefined
      ? await this.lab.cable(this.server, near, machine, far)
      : await ImpairedLink.lay(this.lab, this.server, near, machine, far, impairment);
    return { machine, interface: other, host, host6, server, server6 };
  }

  /** Starts a classic server and waits until it listens. */
  async startServer(...options: string[]): Promise<LabProcess> {
    const process = this.server.start(this.serverCommand(...options));
    await process.waitFor(/Listening on/);
    return process;
  }

  /** What starts a classic server. */
  serverCommand(...options: string[]): string[] {
    return [...program("server", SOURCE), "--classic", ...this.#stateOption(options), ...options];
  }

  /** Starts a server of the secure mode alone, and waits until it listens. */
  async startSecureServer(...options: string[]): Promise<LabProcess> {
    const command = [...program("server", SOURCE), ...this.#stateOption(options), ...options];
    const process = this.server.start(command);
    await process.waitFor(/Listening on/);
    return process;
  }

  /** Runs one of the server's other commands, such as "peers list", and gives its stdout. */
  manage(...words: string[]): Promise<string> {
    return this.server.run(...program("server", SOURCE), ...words, "--state", this.state);
  }

  /** Makes an invite that leads a client to the server by the client's cable. */
  async invite(client: ClientMachine, name: string, ...options: string[]): Promise<string> {
    const line = await this.manage("invite", name, "--host", client.server, "--no-qr", ...options);
    return line.trim();
  }

  /** The state folder of a client's machine. */
  clientState({ machine }: ClientMachine): string {
    return `${this.state}-${machine.namespace}`;
  }

  /** What starts a client, a secure one by default, with its machine's state folder unless `options` name another. */
  secureCommand(client: ClientMachine, ...options: string[]): string[] {
    const state = options.includes("--state") ? [] : ["--state", this.clientState(client)];
    return [...program("client", SOURCE), ...state, ...options];
  }

  /** Invites a client, starts it and waits until it is connected. */
  async join(
    client: ClientMachine,
    name: string,
    ...options: string[]
  ): Promise<ConnectedClient> {
    const invite = await this.invite(client, name);
    const process = client.machine.start(this.secureCommand(client, invite, ...options));
    return { process, ...await connected(process) };
  }

  /** Starts a classic client and waits until it is connected. */
  async startClient(client: ClientMachine, ...options: string[]): Promise<ConnectedClient> {
    const process = this.launchClient(client, ...options);
    return { process, ...await connected(process) };
  }

  /** Starts a classic client and does not wait for anything. */
  launchClient(client: ClientMachine, ...options: string[]): LabProcess {
    return client.machine.start(this.clientCommand(client, ...options));
  }

  /** What starts a classic client, by the address of its own cable unless `options` name a server. */
  clientCommand(client: ClientMachine, ...options: string[]): string[] {
    const host = options.includes("-s") ? [] : ["-s", client.server];
    return this.secureCommand(client, "--classic", ...host, ...options);
  }

  /** Runs one of a client's other commands, such as "status", and gives its stdout. */
  manageClient(client: ClientMachine, ...words: string[]): Promise<string> {
    const state = ["--state", this.clientState(client)];
    return client.machine.run(...program("client", SOURCE), ...words, ...state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }

  #stateOption(options: readonly string[]): string[] {
    return options.includes("--state") ? [] : ["--state", this.state];
  }
}

/** Waits until a client says that it is connected, in what it printed from the character `from` on. */
export async function connected(
  process: LabProcess,
  milliseconds = 10_000,
  from = 0,
): Promise<Omit<ConnectedClient, "process">> {
  const pattern =
    /Connected to .* this machine is ([0-9.]+)(?: and ([0-9a-f:]+))? in .* on ([^\s]+)/;
  const match = await process.waitFor(pattern, milliseconds, from);
  return { address: match[1]!, address6: match[2] ?? "", tun: match[3]! };
}
