/** A server's and a client's machine, both run by systemd, with the services that `install` makes. */
import { assertEquals } from "@std/assert";
import { eventually } from "./inspection.ts";
import {
  DOWNLOADS,
  SYSTEMD_COMMANDS,
  SYSTEMD_OBSTACLE,
  SystemdMachine,
} from "./systemd_machine.ts";
import { type ClientMachine, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

export const SERVER = "simplevpn-server";
export const CLIENT = "simplevpn-client";

/** Their state folder. */
export const STATE = "/var/lib/simplevpn";

/** What a person runs who downloaded the programs. */
export const DOWNLOADED_SERVER = `${DOWNLOADS}/${SERVER}`;
export const DOWNLOADED_CLIENT = `${DOWNLOADS}/${CLIENT}`;

/** Installs a client by an invite that is in no command line that others see. */
const INSTALL_CLIENT = 'program=$1 invite=$2; shift 2; echo "$invite" | "$program" install "$@"';

export class ServiceScene implements AsyncDisposable {
  private constructor(
    readonly lab: TunnelLab,
    readonly client: ClientMachine,
    readonly server: SystemdMachine,
    /** The client's machine. */
    readonly box: SystemdMachine,
  ) {}

  static async open(): Promise<ServiceScene> {
    const lab = await TunnelLab.open();
    const client = await lab.addClient();
    const [server, box] = await Promise.all([
      SystemdMachine.boot(lab.lab, lab.server),
      SystemdMachine.boot(lab.lab, client.machine),
    ]);
    return new ServiceScene(lab, client, server, box);
  }

  /** Sets both up as the README says. */
  async install(serverOptions: readonly string[], clientOptions: readonly string[]): Promise<void> {
    await this.server.run(DOWNLOADED_SERVER, "install", ...serverOptions);
    const host = ["--host", this.client.server, "--no-qr"];
    const invite = (await this.server.run(SERVER, "invite", "pi", ...host)).trim();
    const options = ["--invite-file", "-", ...clientOptions];
    await this.box.run("sh", "-c", INSTALL_CLIENT, "sh", DOWNLOADED_CLIENT, invite, ...options);
    await this.connected();
  }

  /** Waits until the client's service says that it is connected, and pings the server. */
  async connected(): Promise<void> {
    const status = `Connected to ${this.client.server} as 10.0.0.2`;
    const said = await eventually(
      async () => (await this.box.show(CLIENT)).StatusText,
      (said) => said === status,
      60_000,
    );
    assertEquals(said, status, JSON.stringify(await this.box.journal(CLIENT)));
    await this.box.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
  }

  /** Has a DNS server answer all names with one address, at an address of the server. */
  async serveNames(address: string, answer: string): Promise<void> {
    const file = new URL("dns_server.py", import.meta.url).pathname;
    await this.lab.server.start(["python3", file, address, answer]).waitFor(/listening/);
  }

  /** Asserts that a program of the client's machine finds an address for a name, sooner or later. */
  async assertFinds(name: string, address: string): Promise<void> {
    const found = await eventually(
      async () => (await this.box.try("getent", "ahostsv4", name)).stdout.split(" ")[0]!,
      (found) => found === address,
    );
    assertEquals(found, address, name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}

/** A test with two machines that have booted; of the compiled programs only, since no others can be installed. */
export async function serviceTest(
  name: string,
  commands: readonly string[],
  fn: (scene: ServiceScene) => Promise<void>,
): Promise<void> {
  if (SOURCE !== "compiled") return;
  const run = async (): Promise<void> => {
    await using scene = await ServiceScene.open();
    await fn(scene);
  };
  await labTest(name, [...SYSTEMD_COMMANDS, "ping", ...commands], run, SYSTEMD_OBSTACLE);
}
