import { Random } from "../random.ts";
import { ClientNode, type ClientNodeOptions } from "./client_node.ts";
import { Clock } from "./clock.ts";
import { Network } from "./network.ts";
import { staticRequest } from "./packets.ts";
import { Puppet, PuppetServer } from "./puppet.ts";
import { ServerNode, type ServerNodeOptions } from "./server_node.ts";

/** A network with machines on it, all in memory; what happens there is determined by the seed. */
export class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly network: Network;
  #hosts = 0;

  constructor(seed = 1) {
    this.random = new Random(seed);
    this.network = new Network(this.clock, this.random);
  }

  /** Starts a server on a machine of this name, which serves classic clients too. */
  startServer(options: ServerNodeOptions = {}, host = "server"): ServerNode {
    return new ServerNode(this.network, host, { classic: true, ...options });
  }

  /** Puts a puppet in a server's place. */
  startPuppetServer(host = "server"): PuppetServer {
    return new PuppetServer(this.network, host);
  }

  /** Starts a classic client, or one with credentials, by default on a machine of its own. */
  startClient(options: ClientNodeOptions = {}, host = this.newHost()): ClientNode {
    return new ClientNode(this.network, host, options);
  }

  /** Starts a client and waits until it is connected. */
  connectClient(options: ClientNodeOptions = {}, host = this.newHost()): ClientNode {
    const client = this.startClient(options, host);
    this.clock.waitUntil(() => client.isUp);
    return client;
  }

  /** Connects a puppet to the server, by default from a machine of its own. */
  connectPuppet(host = this.newHost()): Puppet {
    let puppet: Puppet | undefined;
    this.network.connect(host, "server", {
      connected: (wire) => puppet = new Puppet(wire.client),
      failed: (reason) => {
        throw new Error(`No connection for a puppet: ${reason}`);
      },
    });
    this.clock.waitUntil(() => puppet !== undefined);
    return puppet!;
  }

  /** Connects a puppet that is given this address. */
  joinPuppet(address: string): Puppet {
    const puppet = this.connectPuppet();
    puppet.send(staticRequest(address));
    this.clock.waitUntil(() => puppet.packets.length > 0);
    puppet.packets.length = 0;
    return puppet;
  }

  /** The outer address of a machine that is not there yet, in a network that is not there yet. */
  newHost(): string {
    const number = ++this.#hosts;
    return `198.${18 + (number >> 8)}.${number & 255}.1`;
  }

  /** Lets everything that was sent arrive. */
  settle(): void {
    this.clock.run(1000);
  }
}
