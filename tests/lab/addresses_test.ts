/** Which address a client gets, and which it gets back. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { assertOneLine, ending, eventually } from "./inspection.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const PING = ["ping", "-c", "1", "-W", "2"];

await labTest("addresses are given from the high end of the network down", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const [one, other] = [await lab.addClient(), await lab.addClient()];
  assertEquals((await lab.startClient(one)).address, "10.0.255.254");
  assertEquals((await lab.startClient(other)).address, "10.0.255.253");
});

await labTest("-a gets a client the address that it asks for", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { address, tun } = await lab.startClient(client, "-a", "10.0.5.5");
  assertEquals(address, "10.0.5.5");
  assertStringIncludes(await client.machine.run("ip", "address", "show", tun), "10.0.5.5/16");
  await lab.server.run(...PING, "10.0.5.5");
});

await labTest("a network of another size works when both ends are told", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const network = ["--network", "192.168.77.0/28"];
  await lab.startServer(...network);
  const client = await lab.addClient();
  const { address, tun } = await lab.startClient(client, ...network);
  assertEquals(address, "192.168.77.14");
  const route = await client.machine.run("ip", "route", "show", "dev", tun);
  assertStringIncludes(route, "192.168.77.0/28");
  await client.machine.run(...PING, "192.168.77.1");
});

const UNAVAILABLE: [why: string, address: string][] = [
  ["is in use", "10.0.5.5"],
  ["is the server's", "10.0.0.1"],
  ["is not in the server's network", "10.9.0.5"],
];
for (const [why, wanted] of UNAVAILABLE) {
  await labTest(`a client that asks for an address that ${why} ends and says so`, [], async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const [holder, client] = [await lab.addClient(), await lab.addClient()];
    await lab.startClient(holder, "-a", "10.0.5.5");
    const output = await ending(lab.launchClient(client, "-a", wanted));
    assertOneLine(
      output,
      1,
      new RegExp(`^simplevpn-client: The server refused the address ${wanted}: `),
    );
    await server.waitFor(new RegExp(`Refused ${wanted} to ${client.host}`));
  });
}

await labTest("a client that comes back gets the address that it had", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [first, second] = [await lab.addClient(), await lab.addClient()];
  const before = await comeAndGo(lab, first);
  // Somebody else in the meantime is given another one.
  assertEquals(await comeAndGo(lab, second), "10.0.255.253");
  await server.waitFor(/10\.0\.255\.253 left/);
  assertEquals(await comeAndGo(lab, first), before);
});

await labTest("leases survive a restart of the server", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [first, second] = [await lab.addClient(), await lab.addClient()];
  assertEquals(await comeAndGo(lab, first), "10.0.255.254");
  assertEquals(await comeAndGo(lab, second), "10.0.255.253");
  await server.stop();
  await lab.startServer();
  assertEquals(await comeAndGo(lab, second), "10.0.255.253");
  assertEquals(await comeAndGo(lab, first), "10.0.255.254");
});

await labTest("leases survive a server that is killed", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [first, second] = [await lab.addClient(), await lab.addClient()];
  await lab.startClient(first, "-a", "10.0.9.1");
  const { process } = await lab.startClient(second, "-a", "10.0.9.2");
  await server.waitFor(/10\.0\.9\.2 joined/);
  await process.stop();
  await server.waitFor(/10\.0\.9\.2 left/);
  await eventually(
    () => Deno.readTextFile(`${lab.state}/leases.json`),
    (leases) => leases.includes("10.0.9.2"),
  );
  await server.stop("SIGKILL");
  await lab.startServer();
  assertEquals((await lab.startClient(second)).address, "10.0.9.2");
});

await labTest("a client that finds no address free gets the next that is", [], async () => {
  await using lab = await TunnelLab.open();
  const network = ["--network", "10.0.0.0/30"];
  const server = await lab.startServer(...network);
  const [holder, waiting] = [await lab.addClient(), await lab.addClient()];
  const held = await lab.startClient(holder, ...network);
  assertEquals(held.address, "10.0.0.2");
  const process = lab.launchClient(waiting, ...network);
  await process.waitFor(/No connection .* without giving an address; trying on/);
  await server.waitFor(/All 1 client addresses of 10\.0\.0\.0\/30 are in use/);
  await held.process.stop();
  assertEquals((await connected(process)).address, "10.0.0.2");
});

await labTest(
  "a server drops a client that fell silent, and its address is free again",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer("--timeout", "1");
    const [silent, other] = [await lab.addClient(), await lab.addClient()];
    const { process, address } = await lab.startClient(silent, "--keepalive", "0.2");
    process.kill("SIGSTOP");
    await server.waitFor(/10\.0\.255\.254 left: silent for 1 s/);
    const next = await lab.startClient(other, "-a", address, "--keepalive", "0.2");
    assertEquals(next.address, address);
  },
);

await labTest("a client that has nothing to send is not taken for a silent one", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--timeout", "1");
  const [idle, halted] = [await lab.addClient(), await lab.addClient()];
  const { address } = await lab.startClient(idle, "--keepalive", "0.2");
  // Another one that falls silent later shows when the time has passed.
  const { process } = await lab.startClient(halted, "--keepalive", "0.2");
  process.kill("SIGSTOP");
  await server.waitFor(/ left: silent for 1 s/);
  assertEquals(server.stderr.includes(`${address} left`), false, server.stderr);
});

/** Connects a client, ends it, and returns the address that it was given. */
async function comeAndGo(lab: TunnelLab, client: ClientMachine): Promise<string> {
  const { process, address } = await lab.startClient(client);
  await process.stop();
  return address;
}
