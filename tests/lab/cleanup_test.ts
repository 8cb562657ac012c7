/** That nothing of a program stays behind on its machine, however it ended. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { countersOf, ending, networkState } from "./inspection.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) {
  await labTest(`both programs put everything back on ${signal}`, [], async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const machines = [lab.server, client.machine];
    const before = await Promise.all(machines.map(networkState));
    const server = await lab.startServer();
    const { process, tun } = await lab.startClient(client);
    assertMatch((await networkState(client.machine)).replaceAll("\n", " "), new RegExp(tun));

    assertEquals((await process.stop(signal)).code, 0, process.stderr);
    assertMatch(process.stderr, new RegExp(`Stopping on ${signal}\n$`));
    assertEquals((await server.stop(signal)).code, 0, server.stderr);
    assertMatch(server.stderr, new RegExp(`Stopping on ${signal}\n$`));
    assertEquals(await Promise.all(machines.map(networkState)), before);
  });
}

await labTest("programs that nohup(1) starts outlive the terminal", ["nohup"], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const server = lab.server.start(["nohup", ...lab.serverCommand()]);
  await server.waitFor(/Listening on/);
  const process = client.machine.start(["nohup", ...lab.clientCommand(client)]);
  await connected(process);
  for (const program of [process, server]) {
    await lab.server.run("kill", "-HUP", `${program.pid}`);
    // Whoever answers lives.
    await countersOf(program);
    assertEquals((await program.stop("SIGTERM")).code, 0, program.stderr);
    assertMatch(program.stderr, /Stopping on SIGTERM\n$/);
  }
});

await labTest(
  "a client that has not found its server yet ends at once when asked to",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const before = await networkState(client.machine);
    const process = lab.launchClient(client);
    await process.waitFor(/No connection to/);
    assertEquals((await process.stop()).code, 0, process.stderr);
    assertEquals(await networkState(client.machine), before);
  },
);

await labTest("a client takes its routing rule back", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await overlappingClient(lab);
  const before = await networkState(client.machine);
  const { process } = await lab.startClient(client);
  await process.waitFor(/overlaps 10\.0\.0\.0\/16/);
  assertEquals(await countRules(client), 1);
  await process.stop();
  assertEquals(await networkState(client.machine), before);
});

await labTest(
  "the rule that a killed client left is gone when another one starts",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const client = await overlappingClient(lab);
    const before = await networkState(client.machine);
    const { process } = await lab.startClient(client);
    await process.stop("SIGKILL");
    assertEquals(await countRules(client), 1);
    const next = await lab.startClient(client);
    assertEquals(await countRules(client), 1);
    await next.process.stop();
    assertEquals(await networkState(client.machine), before);
  },
);

await labTest("a killed server leaves nothing, and another one can start at once", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const before = await networkState(lab.server);
  const server = await lab.startServer();
  await lab.startClient(client);
  await server.stop("SIGKILL");
  await (await lab.startServer()).stop();
  assertEquals(await networkState(lab.server), before);
});

await labTest("a client that is refused leaves nothing", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const before = await networkState(client.machine);
  const { code } = await ending(lab.launchClient(client, "-a", "10.0.0.1"));
  assertEquals(code, 1);
  assertEquals(await networkState(client.machine), before);
});

await labTest("a second signal ends a program there and then", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const before = await networkState(client.machine);
  const process = lab.launchClient(client);
  await process.waitFor(/No connection to/);
  process.kill("SIGTERM");
  process.kill("SIGINT");
  const { code } = await ending(process);
  assert(code === 0 || code === 1, process.stderr);
  assertEquals(await networkState(client.machine), before);
});

await labTest(
  "a server keeps in its state folder what must last, for its owner alone",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    await lab.startClient(await lab.addClient());
    await server.waitFor(/ joined /);
    await server.stop();
    const files = await Array.fromAsync(Deno.readDir(lab.state), ({ name }) => name);
    assertEquals(files.toSorted(), [
      "leases.json",
      "network6",
      "server.json",
      "server.key",
      "server.lock",
    ]);
    for (const file of files) {
      assertEquals((await Deno.stat(`${lab.state}/${file}`)).mode! & 0o777, 0o600, file);
    }
  },
);

/** A client whose machine has a LAN that lies in the tunnel's network. */
async function overlappingClient(lab: TunnelLab): Promise<ClientMachine> {
  const client = await lab.addClient();
  const neighbour = await lab.lab.machine("neighbour");
  await lab.lab.cable(client.machine, ["10.0.3.1/24"], neighbour, ["10.0.3.2/24"]);
  return client;
}

/** How many routing rules of ours there are on a client's machine. */
async function countRules({ machine }: ClientMachine): Promise<number> {
  return (await machine.run("ip", "rule")).match(/^2002:/gm)?.length ?? 0;
}
