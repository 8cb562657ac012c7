/** That a program which fails, halfway through its start or at work, leaves its machine as it was. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { addInternet, gatewayState, serveWhoami } from "./gateway_lab.ts";
import { ending } from "./inspection.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

/** What serveWhoami() listens on. */
const TAKEN = ["--metrics", "127.0.0.1:7777"];

await labTest("a server that fails at work puts everything back", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  const client = await lab.addClient();
  const before = await traces(lab.server, lab.state);
  const server = await lab.startSecureServer("--nat");
  const invite = await lab.invite(client, "pi");
  // Then the routes to what is behind clients can be set no more.
  await lab.server.run("ip", "link", "set", "simplevpn0", "down");
  await lab.server.run("ip", "link", "set", "simplevpn0", "name", "renamed0");
  client.machine.start(lab.secureCommand(client, invite));
  const { code, stderr } = await ending(server);
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /\nsimplevpn-server: [^\n]*ENODEV[^\n]*\n$/);
  assertEquals(await traces(lab.server, lab.state), before);
});

await labTest(
  "a server that fails halfway through its start puts everything back",
  ["nft", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    await addInternet(lab);
    await serveWhoami(lab.server);
    const command = lab.serverCommand("--nat", ...TAKEN, "--down", await hook(lab));
    await assertPutsBack(lab.server, lab.state, command);
  },
);

await labTest(
  "a client that fails halfway through its start puts everything back",
  ["nft", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    await (await lab.startSecureServer()).stop();
    await serveWhoami(client.machine);
    const invite = await lab.invite(client, "pi");
    const down = ["--down", await hook(lab)];
    const command = lab.secureCommand(client, invite, "--nat", ...TAKEN, ...down);
    await assertPutsBack(client.machine, lab.clientState(client), command);
  },
);

/** Starts a gateway whose metrics cannot be served, and looks at what it leaves. */
async function assertPutsBack(machine: Machine, state: string, command: string[]): Promise<void> {
  const before = await traces(machine, state);
  const { code, stderr } = await ending(machine.start(command));
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /Forwarding what comes[^]*\n[^\n]*Cannot serve metrics at [^\n]*\n$/);
  assertEquals(await traces(machine, state), before);
}

/** A program for --down; nothing was up that it would have to be told of. */
async function hook({ lab }: TunnelLab): Promise<string> {
  const path = `${lab.folder}/hook`;
  await Deno.writeTextFile(path, "#!/bin/sh\necho the hook ran\n", { mode: 0o755 });
  return path;
}

/** What a program changes on its machine, and the files that last no longer than it. */
async function traces(machine: Machine, state: string): Promise<string> {
  const files = await Array.fromAsync(Deno.readDir(state), ({ name }) => name).catch(() => []);
  return [await gatewayState(machine), ...files.filter((name) => /sock|gateway/.test(name))].join();
}
