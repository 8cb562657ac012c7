/** Life without root: with one capability from the start, and with --user. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { LabProcess } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import { gatewayState } from "./gateway_lab.ts";
import { assertOneLine, ending } from "./inspection.ts";
import { type ClientMachine, connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";
import { asService, bundled } from "./unprivileged.ts";

/** Some user's number, who has no name and owns nothing. */
const USER = 51820;

async function stateOf(lab: TunnelLab, name: string): Promise<string> {
  const folder = `${lab.lab.folder}/${name}`;
  await Deno.mkdir(folder, { mode: 0o700 });
  await Deno.chown(folder, USER, USER);
  return folder;
}

async function launch(
  lab: TunnelLab,
  machine: ClientMachine["machine"],
  name: "server" | "client",
): Promise<{ state: string; command: string[] }> {
  const folder = `${lab.lab.folder}/${name}-program`;
  await Deno.mkdir(folder, { mode: 0o755 });
  const state = await stateOf(lab, `${name}-state`);
  const cache = [`DENO_DIR=${state}/cache`, `HOME=${state}`];
  const command = [
    "env",
    ...cache,
    ...asService(USER),
    ...await bundled(folder, name),
    "--state",
    state,
  ];
  assertEquals((await machine.run(...asService(USER), "id", "-u")).trim(), `${USER}`);
  return { state, command };
}

await labTest(
  "server and client need one capability and no root, and root's commands work beside them",
  ["setpriv", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await Deno.chmod(lab.lab.folder, 0o755);
    const client = await lab.addClient();
    const atServer = await launch(lab, lab.server, "server");
    const server = lab.server.start(atServer.command);
    await server.waitFor(/Listening on/);
    const words = ["invite", "pi", "--host", client.server, "--no-qr", "--state", atServer.state];
    const invite = (await lab.server.run(...program("server", SOURCE), ...words)).trim();
    const atClient = await launch(lab, client.machine, "client");
    const process = client.machine.start([...atClient.command, invite]);
    const { address, address6 } = await connected(process, 20_000);
    assertEquals(address, "10.0.0.2");
    assert(address6 !== "");
    await client.machine.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
    await lab.server.run("ping", "-c", "2", "-i", "0.2", "-W", "5", address6);
    // Root's command and the service go on sharing the files.
    const remove = ["peers", "remove", "pi", "--state", atServer.state];
    await lab.server.run(...program("server", SOURCE), ...remove);
    await process.waitFor(/this client was removed there/);
    for (const { name, isFile } of Deno.readDirSync(atServer.state)) {
      if (isFile) assertEquals(Deno.statSync(`${atServer.state}/${name}`).uid, USER, name);
    }
    assertEquals((await server.stop()).code, 0);
  },
);

await labTest("a gateway needs one capability and no root", ["setpriv", "nft"], async () => {
  await using lab = await TunnelLab.open();
  await Deno.chmod(lab.lab.folder, 0o755);
  const before = await gatewayState(lab.server);
  const { command, state } = await launch(lab, lab.server, "server");
  const server = lab.server.start([...command, "--nat"]);
  await server.waitFor(/Listening on/);
  assertMatch(await gatewayState(lab.server), /ipv4\/ip_forward:1[^]*table inet simplevpn_/);
  assertEquals((await server.stop()).code, 0, server.stderr);
  assertEquals(await gatewayState(lab.server), before);

  const killed = lab.server.start([...command, "--nat"]);
  await killed.waitFor(/Listening on/);
  await killed.stop("SIGKILL");
  assertNotEquals(await gatewayState(lab.server), before);
  await lab.server.run(...program("server", SOURCE), "cleanup", "--state", state);
  assertEquals(await gatewayState(lab.server), before);
});

/** What the kernel says of a process: user, the capabilities that it has and can get, and that it is told so. */
async function privilegesOf(pid: number): Promise<Record<string, string>> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Object.fromEntries(status.split("\n").map((line) => line.split(/:\s+/)));
}

await labTest("started by root, both programs go on as another user", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  await Deno.chmod(lab.lab.folder, 0o755);
  const client = await lab.addClient();
  const folders = new Map<string, string>();
  const start = async (name: "server" | "client", ...words: string[]): Promise<LabProcess> => {
    const folder = `${lab.lab.folder}/${name}-program`;
    const home = `${lab.lab.folder}/${name}-home`;
    for (const path of [folder, home]) await Deno.mkdir(path, { mode: 0o755 });
    await Deno.chmod(home, 0o777);
    folders.set(name, `${lab.lab.folder}/${name}-state`);
    const options = ["--user", "nobody", "--state", folders.get(name)!, ...words];
    const machine = name === "server" ? lab.server : client.machine;
    const environment = { DENO_DIR: home, HOME: home };
    return machine.start([...await bundled(folder, name), ...options], environment);
  };
  const server = await start("server", "-p", "443");
  await server.waitFor(/Listening on/);
  const words = ["--host", client.server, "--no-qr", "--state", folders.get("server")!];
  const invite = await lab.server.run(...program("server", SOURCE), "invite", "pi", ...words);
  const process = await start("client", invite.trim());
  assertEquals((await connected(process)).address, "10.0.0.2");
  await client.machine.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
  for (const { pid } of [server, process]) {
    const { Uid, Groups, CapEff, CapBnd, NoNewPrivs } = await privilegesOf(pid);
    assertEquals(Uid, "65534\t65534\t65534\t65534");
    assertEquals((Groups ?? "").trim(), "");
    // CAP_NET_BIND_SERVICE (10) and CAP_NET_ADMIN (12).
    assertEquals([CapEff, CapBnd], ["0000000000001400", "0000000000001400"]);
    assertEquals(NoNewPrivs, "1");
  }
});

await labTest(
  "going on as another user needs root, that user, and a folder of that user's",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const server = [...program("server", SOURCE), "--user"];
    const unknown = lab.server.start([...server, "nobody-at-all"]);
    assertOneLine(await ending(unknown), 1, /There is no user "nobody-at-all"/);
    const folder = `${lab.lab.folder}/roots`;
    await Deno.mkdir(folder, { mode: 0o700 });
    const roots = lab.server.start([...server, "nobody", "--state", folder]);
    assertOneLine(await ending(roots), 1, /is not of the user "nobody".*chown -R nobody/);
    assertEquals([...Deno.readDirSync(folder)], []);
  },
);
