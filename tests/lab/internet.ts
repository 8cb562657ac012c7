/** A server with an internet behind it, and a client that reaches both by its default route alone. */
import type { Machine } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import { startEcho } from "./flows.ts";
import { filter } from "./packet_filter.ts";
import {
  type ClientMachine,
  connected,
  type ConnectedClient,
  SOURCE,
  TunnelLab,
} from "./tunnel_lab.ts";

/** The server's public addresses, in no network that the client is in. */
export const SERVER = "203.0.113.10";
export const SERVER6 = "2001:db8:ffff::10";
/** Others of its addresses. */
export const SPARE = "203.0.113.11";

/** A host of the internet. */
export const HOST = "192.0.2.9";
export const HOST6 = "2001:db8:a::9";

/**
 * What may be seen on a client's cable whatever it does: neighbours being found (ARP, ND, MLD), and
 * answers of its kernel that a port of the tunnel's is closed.
 */
const HARMLESS = [
  "arp",
  "(icmp6 and ip6[40] >= 133 and ip6[40] <= 137)",
  "ip6 proto 0",
  "icmp[icmptype] == icmp-unreach",
  "(icmp6 and ip6[40] == 1)",
];

/** The server is the client's router too, so what leaks arrives. */
export class Internet implements AsyncDisposable {
  readonly lab: TunnelLab;
  readonly client: ClientMachine;
  readonly host: Machine;

  private constructor(lab: TunnelLab, client: ClientMachine, host: Machine) {
    this.lab = lab;
    this.client = client;
    this.host = host;
  }

  static async open(): Promise<Internet> {
    const lab = await TunnelLab.open();
    const client = await lab.addClient();
    const host = await lab.lab.machine("internet");
    const near = ["192.0.2.1/24", "2001:db8:a::1/64"];
    const cable = await lab.lab.cable(lab.server, near, host, [`${HOST}/24`, `${HOST6}/64`]);
    for (const address of [`${SERVER}/32`, `${SPARE}/32`, `${SERVER6}/128`]) {
      await lab.server.run("ip", "address", "add", address, "dev", "lo");
    }
    await forward(lab.server);
    const chain = `type nat hook postrouting priority srcnat; oifname "${cable.one}" masquerade;`;
    await filter(lab.server, `chain out { ${chain} }`);
    const internet = new Internet(lab, client, host);
    await internet.routeBy(client.server, client.server6, client.interface);
    await startEcho(host);
    return internet;
  }

  /** Gives the client these default routes. */
  async routeBy(gateway: string, gateway6: string, device: string): Promise<void> {
    const { machine } = this.client;
    await machine.run("ip", "route", "replace", "default", "via", gateway, "dev", device);
    await machine.run("ip", "-6", "route", "replace", "default", "via", gateway6, "dev", device);
  }

  /** What starts the client, with an invite for this server. */
  async command(host: string, ...options: string[]): Promise<string[]> {
    const { lab, client } = this;
    const invite = await lab.manage("invite", "pi", "--host", host, "--no-qr");
    return lab.secureCommand(client, invite.trim(), ...options);
  }

  /** Starts the client and waits until it is connected. */
  async join(host: string, ...options: string[]): Promise<ConnectedClient> {
    const process = this.client.machine.start(await this.command(host, ...options));
    return { process, ...await connected(process) };
  }

  /** Starts the client anew, in the state that it is in. */
  async rejoin(...options: string[]): Promise<ConnectedClient> {
    const process = this.client.machine.start(this.lab.secureCommand(this.client, ...options));
    return { process, ...await connected(process) };
  }

  /** Runs another of the client's commands. */
  runClient(...words: string[]): Promise<string> {
    return this.client.machine.run(...program("client", SOURCE), ...words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

/** Lets a machine pass packets on. */
export async function forward(machine: Machine): Promise<void> {
  for (const file of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    await machine.run("sh", "-c", `echo 1 > /proc/sys/net/${file}`);
  }
}

/** Whoever listens at a cable. */
export interface LeakWatch {
  /** What it heard, as text; it listens no longer. */
  leaks(): Promise<string>;
}

/** Listens at an interface for all that a machine sends that is neither the tunnel's nor harmless. */
export async function watchLeaks(machine: Machine, device: string): Promise<LeakWatch> {
  const filter = `not (${[...HARMLESS, "tcp port 2002", "udp port 2002"].join(" or ")})`;
  const command = ["tcpdump", "-n", "-l", "--immediate-mode", "-Q", "out", "-i", device, filter];
  const capture = machine.start(command);
  await capture.waitFor(/listening on/);
  const leaks = async (): Promise<string> => {
    await capture.stop("SIGINT");
    return capture.stdout.trim();
  };
  return { leaks };
}

/** Tries to reach the host of the internet in every way, whether or not it answers. */
export async function knockEverywhere(machine: Machine): Promise<void> {
  await Promise.all([
    machine.try("ping", "-c", "1", "-W", "1", HOST),
    machine.try("ping", "-c", "1", "-W", "1", HOST6),
    machine.run("python3", "-c", KNOCK, HOST, HOST6),
  ]);
}

/** DNS questions, and TCP connections. */
const KNOCK = `
import socket, sys
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
        with socket.socket(family, kind) as s:
            s.settimeout(1)
            try:
                s.connect((address, 53))
                s.send(b"question")
            except OSError:
                pass
`;
