/** The programs compiled for aarch64, run by an emulator. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { compiledFile, type ProgramName } from "../../scripts/program.ts";
import { connected, labTest, missingPackages, testUnless, TunnelLab } from "./tunnel_lab.ts";

const QEMU = "qemu-aarch64-static";
const SYSROOT = "/usr/aarch64-linux-gnu";

/** Compiled JavaScript engines start slowly under emulation, the more so on a busy machine. */
const PATIENCE = 60_000;

const PROGRAMS: readonly ProgramName[] = ["server", "client"];

function emulated(name: ProgramName): string[] {
  return [QEMU, "-L", SYSROOT, compiledFile(name, "aarch64")];
}

async function run(name: ProgramName, argument: string): Promise<string> {
  const [command, ...args] = [...emulated(name), argument];
  const { code, stdout, stderr } = await new Deno.Command(command!, { args }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, `${new TextDecoder().decode(stderr)}${text}`);
  return text;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** What to do before these tests can run; undefined if nothing. */
async function findObstacle(): Promise<string | undefined> {
  const missing = await missingPackages([QEMU]);
  if (missing !== undefined) return missing;
  // The libraries that the programs are linked with.
  for (const library of ["ld-linux-aarch64.so.1", "libc.so.6", "libgcc_s.so.1"]) {
    if (!await exists(`${SYSROOT}/lib/${library}`)) {
      return "apt-get install libc6-arm64-cross libgcc-s1-arm64-cross";
    }
  }
  const compiled = await Promise.all(PROGRAMS.map((name) => exists(compiledFile(name, "aarch64"))));
  return compiled.every(Boolean) ? undefined : "deno task compile";
}

const obstacle = await findObstacle();

for (const name of PROGRAMS) {
  testUnless(obstacle, `simplevpn-${name} for aarch64 tells its version`, async () => {
    assertEquals(await run(name, "--version"), `simplevpn-${name} ${project.version}\n`);
  });
}

testUnless(obstacle, "the programs for aarch64 pass their self-check", async () => {
  const lines = (await run("client", "self-check")).trimEnd().split("\n");
  // The emulator knows no routing rules.
  for (const line of lines) assertMatch(line, /^(ok .*|unsupported .*fib_rule_hdr.*)$/);
  assert(lines.includes("ok  epoll_event"), lines.join("\n"));
});

await labTest("the programs for aarch64 join two machines", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  lab.server.start([...emulated("server"), "--classic", "--state", lab.state]);
  // It tries until the server listens.
  const process = client.machine.start([
    ...emulated("client"),
    ...["--classic", "-s", client.server, "--state", lab.clientState(client)],
  ]);
  const { address } = await connected(process, PATIENCE);
  await client.machine.run("ping", "-c", "3", "-i", "0.1", "-W", "5", "10.0.0.1");
  await lab.server.run("ping", "-c", "3", "-i", "0.1", "-W", "5", address);
}, obstacle);
