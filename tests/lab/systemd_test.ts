/** What `install` writes and `uninstall` removes, below another root. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Failure } from "../../daemon/failure.ts";
import { helpFiles, helpPaths } from "../../daemon/help_files.ts";
import { install, type ServiceProgram } from "../../daemon/install_command.ts";
import { CLIENT_SERVICE, SERVER_SERVICE, serviceCommands } from "../../daemon/service_commands.ts";
import { tryHoldFolder } from "../../daemon/program_lock.ts";
import { ServiceFiles } from "../../daemon/service_files.ts";
import { runUninstall } from "../../daemon/uninstall_command.ts";
import { readArguments, UsageError } from "../../lib/config/command_line.ts";
import { formatInvite, TOKEN_LENGTH } from "../../lib/config/invite.ts";
import { INSTALL_OPTIONS, UNINSTALL_OPTIONS } from "../../lib/config/service_options.ts";
import { SERVER_MANUAL } from "../../lib/help/manuals.ts";
import { KEY_LENGTH } from "../../lib/protocol/x25519.ts";
import { program } from "../../scripts/program.ts";
import { TemporaryFolder } from "../unit/daemon/temporary_folder.ts";
import { assertOneLine, ending } from "./inspection.ts";
import { labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const INVITE = formatInvite({
  host: "vpn.example.org",
  port: 2002,
  publicKey: new Uint8Array(KEY_LENGTH).fill(7),
  token: new Uint8Array(TOKEN_LENGTH).fill(11),
});
const PROGRAMS = [SERVER_SERVICE, CLIENT_SERVICE];

/** Exposure that systemd-analyze gives at the most, from 0 to 10; a service without any bounds has 9.6. */
const MOST_EXPOSURE = 2.5;

/** A root of some other machine, with folders that every one has. */
class OtherRoot extends TemporaryFolder {
  constructor() {
    super();
    for (const folder of ["etc/systemd/system", "etc/sysusers.d", "etc/polkit-1/rules.d"]) {
      Deno.mkdirSync(`${this.path}/${folder}`, { recursive: true });
    }
    for (const folder of ["usr/local/bin", "var/lib", "home"]) {
      Deno.mkdirSync(`${this.path}/${folder}`, { recursive: true });
    }
    for (const path of helpPaths("")) {
      Deno.mkdirSync(this.path + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    }
    Deno.writeTextFileSync(this.program, "#!/bin/sh\n", { mode: 0o755 });
  }

  /** Stands for the compiled program, wherever it was downloaded to. */
  get program(): string {
    return `${this.path}/home/simplevpn`;
  }

  install(program: ServiceProgram, ...words: string[]): Promise<ServiceFiles> {
    const args = readArguments([...program.options, ...INSTALL_OPTIONS], words);
    const { name } = program;
    const help = helpFiles({
      name,
      summary: "",
      manual: SERVER_MANUAL,
      commands: serviceCommands(program),
    });
    return install({ program, args, file: this.program, root: this.path, help });
  }

  uninstall({ name }: ServiceProgram, ...words: string[]): Promise<void> {
    const args = readArguments(UNINSTALL_OPTIONS, [...words, "--root", this.path]);
    return runUninstall(name, args);
  }

  /** Every file and folder with its permissions. */
  tree(below = ""): string[] {
    return [...Deno.readDirSync(`${this.path}${below}`)].flatMap(({ name, isDirectory }) => {
      const path = `${below}/${name}`;
      const mode = Deno.lstatSync(`${this.path}${path}`).mode! & 0o777;
      return [`${path} ${mode.toString(8)}`, ...isDirectory ? this.tree(path) : []];
    }).toSorted();
  }
}

async function analyze(...words: string[]): Promise<{ code: number; output: string }> {
  const command = new Deno.Command("systemd-analyze", { args: words, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stderr) + decoder.decode(stdout) };
}

for (const program of PROGRAMS) {
  const { name } = program;
  await labTest(
    `systemd finds nothing wrong with the unit of ${name}`,
    ["systemd-analyze"],
    async () => {
      using root = new OtherRoot();
      const files = await root.install(program, "--log-level", "debug", "--tun", "vpn0");
      const unit = Deno.readTextFileSync(files.unit);
      assertMatch(unit, /^ExecStart=.* --tun=vpn0/m);
      // The verifier wants to find the program where the unit says.
      Deno.writeTextFileSync(
        files.unit,
        unit.replaceAll("=/usr/local/bin/", `=${root.path}/usr/local/bin/`),
      );
      const verified = await analyze("verify", "--man=no", "--generators=no", files.unit);
      const complaints = verified.output.split("\n").filter((line) => line.includes(root.path));
      assertEquals(complaints, []);
      assertEquals(verified.code, 0, verified.output);
      const threshold = `--threshold=${MOST_EXPOSURE * 10}`;
      const { code, output } = await analyze("security", "--offline=true", threshold, files.unit);
      assertEquals(code, 0, output);
      assertMatch(output, /Overall exposure level/);
    },
  );

  await labTest(`uninstall leaves nothing of ${name} but its state`, [], async () => {
    using root = new OtherRoot();
    const before = root.tree();
    await root.install(program);
    const once = root.tree();
    assert(once.includes(`/usr/local/bin/${name} 755`));
    assert(once.includes(`/etc/systemd/system/${name}.service 644`));
    assert(once.includes("/etc/sysusers.d/simplevpn.conf 644"));
    assert(once.includes(`/usr/local/share/man/man8/${name}.8 644`));
    await root.install(program);
    assertEquals(root.tree(), once);
    Deno.mkdirSync(`${root.path}/var/lib/simplevpn`);
    Deno.writeTextFileSync(`${root.path}/var/lib/simplevpn/client.key`, "secret");
    await root.uninstall(program);
    const state = root.tree().filter((line) => !before.includes(line));
    assertEquals(state.map((line) => line.split(" ")[0]), [
      "/var/lib/simplevpn",
      "/var/lib/simplevpn/client.key",
    ]);
    await root.uninstall(program, "--purge");
    assertEquals(root.tree(), before);
  });
}

await labTest("install leaves no secret where others can read it", [], async () => {
  using root = new OtherRoot();
  const { unit } = await root.install(CLIENT_SERVICE, INVITE, "--tcp");
  const text = Deno.readTextFileSync(unit);
  assertMatch(text, /^ExecStart=\S+simplevpn-client connect --state=\/var\/lib\/simplevpn --tcp$/m);
  assert(!text.includes(INVITE.slice(INVITE.lastIndexOf("/"))));
  const tree = root.tree();
  assert(tree.includes("/var/lib/simplevpn 700"));
  assert(tree.includes("/var/lib/simplevpn/invite 600"));
  assertEquals(Deno.readTextFileSync(`${root.path}/var/lib/simplevpn/invite`).trim(), INVITE);
});

await labTest(
  "install takes no options that the service would end with, and then writes nothing",
  [],
  async () => {
    using root = new OtherRoot();
    const before = root.tree();
    await assertRejects(() => root.install(SERVER_SERVICE, "--mtu", "1"), UsageError, "--mtu");
    await assertRejects(
      () => root.install(CLIENT_SERVICE, "simplevpn://x"),
      UsageError,
      "no whole",
    );
    await assertRejects(() => root.install(SERVER_SERVICE, "--tun", "a\nb"), UsageError);
    assertEquals(root.tree(), before);
  },
);

await labTest(
  "a service has a folder for its log file, and no other place for one",
  [],
  async () => {
    using root = new OtherRoot();
    const { unit } = await root.install(
      SERVER_SERVICE,
      "--log-file",
      "/var/log/simplevpn/server.log",
    );
    assertMatch(Deno.readTextFileSync(unit), /^LogsDirectory=simplevpn$/m);
    for (const file of ["/var/log/server.log", "server.log", "/var/log/simplevpn/../x"]) {
      const installing = (): Promise<unknown> => root.install(SERVER_SERVICE, "--log-file", file);
      await assertRejects(installing, UsageError, "/var/log/simplevpn");
    }
  },
);

await labTest("uninstall --purge takes nothing from a program that runs", [], async () => {
  using root = new OtherRoot();
  const state = `${root.path}/var/lib/simplevpn`;
  Deno.mkdirSync(state);
  using _lock = tryHoldFolder("client", state);
  const purging = (): Promise<void> => root.uninstall(SERVER_SERVICE, "--purge");
  await assertRejects(purging, Failure, "simplevpn-client is running with");
});

await labTest("what a service needs is seen in its configuration file as well", [], async () => {
  using root = new OtherRoot();
  const config = `${root.path}/server.toml`;
  Deno.writeTextFileSync(config, "nat = true\nport = 443\n");
  const { unit } = await root.install(SERVER_SERVICE, "--config", config);
  const text = Deno.readTextFileSync(unit);
  assertMatch(text, /^AmbientCapabilities=.*CAP_NET_BIND_SERVICE/m);
  assertEquals(text.includes("ProtectKernelTunables"), false);
  assertMatch(text, /^ExecReload=\S+simplevpn-server reload --state=\/var\/lib\/simplevpn$/m);
  for (const [path, complaint] of [["server.toml", "whole path"], ["/nowhere", "/nowhere"]]) {
    const installing = (): Promise<unknown> => root.install(SERVER_SERVICE, "--config", path!);
    await assertRejects(installing, Error, complaint);
  }
});

await labTest("without options install leaves those that the service has", [], async () => {
  using root = new OtherRoot();
  const commandOf = (files: ServiceFiles): string =>
    /^ExecStart=\S+ (.*)$/m.exec(Deno.readTextFileSync(files.unit))![1]!;
  const state = "--state=/var/lib/simplevpn";
  const first = await root.install(CLIENT_SERVICE, INVITE, "--tcp", "-a", "10.0.0.9");
  assertEquals(commandOf(first), `connect ${state} --address=10.0.0.9 --tcp`);
  for (const words of [[], [INVITE], ["--invite-file", `${root.path}/var/lib/simplevpn/invite`]]) {
    const again = await root.install(CLIENT_SERVICE, ...words);
    assertEquals(commandOf(again), `connect ${state} --address=10.0.0.9 --tcp`);
  }
  const other = await root.install(CLIENT_SERVICE, "-u");
  assertEquals(commandOf(other), `connect ${state} --udp`);
});

await labTest("what both programs need stays until the second is uninstalled", [], async () => {
  using root = new OtherRoot();
  const before = root.tree();
  for (const program of PROGRAMS) await root.install(program);
  await assertRejects(() => root.uninstall(SERVER_SERVICE, "--purge"), Failure, "uninstall that");
  await root.uninstall(SERVER_SERVICE);
  assert(root.tree().includes("/etc/sysusers.d/simplevpn.conf 644"));
  await root.uninstall(CLIENT_SERVICE);
  assertEquals(root.tree(), before);
});

await labTest("a program that was there before install stays there", [], async () => {
  using root = new OtherRoot();
  const place = `${root.path}/usr/local/bin/simplevpn-server`;
  Deno.copyFileSync(root.program, place);
  Deno.removeSync(root.program);
  Deno.symlinkSync(place, root.program);
  const before = root.tree();
  await root.install(SERVER_SERVICE);
  await root.uninstall(SERVER_SERVICE);
  assertEquals(root.tree(), before);
});

await labTest("install says what it needs", [], async () => {
  await using lab = await TunnelLab.open();
  if (SOURCE === "source") {
    const command = [...program("server"), "install", "--root", "/tmp"];
    assertOneLine(await ending(lab.server.start(command)), 1, /Only a compiled program/);
  }
  const nowhere = [...program("server", SOURCE), "install", "--root", "/nonexistent"];
  assertOneLine(await ending(lab.server.start(nowhere)), 1, /There is no folder \/nonexistent/);
});
