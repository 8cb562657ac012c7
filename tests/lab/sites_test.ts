/** Networks behind clients: they reach each other, and the server, through the tunnel. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { startEcho, tcpFlows, udpFlows } from "./flows.ts";
import { eventually, networkState } from "./inspection.ts";
import { forward } from "./internet.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const PING = ["ping", "-c", "2", "-i", "0.1", "-W", "5"];

/** A machine behind a client, which is its router. */
interface Site {
  client: ClientMachine;
  host: Machine;
  /** The host's address. */
  address: string;
  /** What the client is called. */
  name: string;
}

/** Makes the site 192.168.N.0/24, whose client is connected. */
async function addSite(lab: TunnelLab, n: number, ...options: string[]): Promise<Site> {
  const client = await lab.addClient();
  const [name, address, router] = [`site${n}`, `192.168.${n}.9`, `192.168.${n}.1`];
  const host = await lab.lab.machine(name);
  await lab.lab.cable(client.machine, [`${router}/24`], host, [`${address}/24`]);
  await host.run("ip", "route", "add", "default", "via", router);
  await forward(client.machine);
  const invite = await lab.invite(client, name, "--route", `192.168.${n}.0/24`);
  await connected(client.machine.start(lab.secureCommand(client, invite, ...options)));
  return { client, host, address, name };
}

/** Waits until a machine's routes through a tunnel are these, besides the tunnel's own network. */
async function hasRoutes(machine: Machine, wanted: readonly string[]): Promise<void> {
  const ask = async (): Promise<string[]> => {
    const routes = await machine.run("ip", "route", "show", "dev", "simplevpn0", "proto", "202");
    return [...routes.matchAll(/^\S+/gm)].map(([network]) => network).toSorted();
  };
  const found = await eventually(ask, (routes) => `${routes}` === `${wanted}`);
  assertEquals(found, wanted);
}

for (const way of ["--tcp", "-u"]) {
  await labTest(
    `networks behind two clients reach each other through the server (${way})`,
    ["ping", "python3"],
    async () => {
      await using lab = await TunnelLab.open();
      const server = await lab.startSecureServer();
      const [one, two] = [await addSite(lab, 7, way), await addSite(lab, 8, way)];
      await hasRoutes(one.client.machine, ["192.168.8.0/24"]);
      await hasRoutes(two.client.machine, ["192.168.7.0/24"]);
      await hasRoutes(lab.server, ["192.168.7.0/24", "192.168.8.0/24"]);
      for (const [from, to] of [[one, two], [two, one]] as const) {
        await from.host.run(...PING, to.address);
        await from.host.run(...PING, "10.0.0.1");
        await lab.server.run(...PING, to.address);
        const echo = await startEcho(to.host);
        await tcpFlows(from.host, to.address, 2);
        await udpFlows(from.host, to.address, 2, 1280);
        await echo.stop();
      }
      await server.stop();
      const after = await networkState(lab.server);
      assertEquals(after.includes("192.168."), false, after);
    },
  );
}

await labTest("a network that moves behind a client is followed by all", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer();
  const [one, two] = [await addSite(lab, 7), await addSite(lab, 8)];
  await two.client.machine.run("ip", "address", "add", "192.168.9.1/24", "dev", "eth6");
  await two.host.run("ip", "address", "add", "192.168.9.9/24", "dev", "eth7");
  await lab.manage("peers", "set", two.name, "--route", "192.168.9.0/24");
  await hasRoutes(one.client.machine, ["192.168.9.0/24"]);
  await hasRoutes(lab.server, ["192.168.7.0/24", "192.168.9.0/24"]);
  await one.host.run(...PING, "192.168.9.9");
  await two.host.run(...PING, "-I", "192.168.9.9", one.address);
  await lab.manage("peers", "set", two.name, "--no-routes");
  await hasRoutes(one.client.machine, []);
  await hasRoutes(lab.server, ["192.168.7.0/24"]);
  await lab.manage("peers", "set", two.name, "--route", "192.168.9.0/24");
  await hasRoutes(one.client.machine, ["192.168.9.0/24"]);
  await lab.manage("peers", "disable", two.name);
  await hasRoutes(one.client.machine, []);
  await hasRoutes(lab.server, ["192.168.7.0/24"]);
});

await labTest("a server takes no route to what it is in itself", [], async () => {
  await using lab = await TunnelLab.open();
  const neighbour = await lab.lab.machine("neighbour");
  await lab.lab.cable(lab.server, ["192.168.7.1/24"], neighbour, ["192.168.7.2/24"]);
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  await lab.join(client, "box");
  await lab.manage("peers", "set", "box", "--route", "192.168.7.0/24");
  const [told] = await server.waitFor(/This machine does not route .*/);
  assertMatch(told, /192\.168\.7\.0\/24, which is behind a peer, .* is in 192\.168\.7\.0\/24/);
  await hasRoutes(lab.server, []);
});
