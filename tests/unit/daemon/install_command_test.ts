import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { install, type ServiceProgram } from "../../../daemon/install_command.ts";
import { CLIENT_SERVICE, SERVER_SERVICE } from "../../../daemon/service_commands.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { formatInvite, TOKEN_LENGTH } from "../../../lib/config/invite.ts";
import { KEY_LENGTH } from "../../../lib/protocol/x25519.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const INVITE = formatInvite({
  host: "vpn.example.org",
  port: 2002,
  publicKey: new Uint8Array(KEY_LENGTH).fill(7),
  token: new Uint8Array(TOKEN_LENGTH).fill(8),
});

/** Installs into a folder that stands for the whole machine; returns the text of the unit. */
async function unitOf(
  { path }: TemporaryFolder,
  program: ServiceProgram,
  ...words: string[]
): Promise<string> {
  const file = `${path}/program`;
  Deno.writeTextFileSync(file, "#!/bin/sh\n", { mode: 0o755 });
  const args = readArguments(program.options, words);
  const files = await install({ program, args, file, root: path, help: new Map() });
  return Deno.readTextFileSync(files.unit);
}

Deno.test("a classic client's service is asked for its status in the folder that every service has", async () => {
  using root = new TemporaryFolder();
  const config = `${root.path}/client.toml`;
  Deno.writeTextFileSync(config, 'classic = true\nserver = "vpn.example.org"\n');
  const unit = await unitOf(root, CLIENT_SERVICE, "--config", config);
  assertMatch(unit, /^ExecStart=\S+simplevpn-client connect --state=\/var\/lib\/simplevpn /m);
  assertMatch(unit, /^ExecReload=\S+simplevpn-client reload --state=\/var\/lib\/simplevpn$/m);
});

Deno.test("a service is no other user's than its own, whatever its configuration file says", async () => {
  using root = new TemporaryFolder();
  const config = `${root.path}/server.toml`;
  Deno.writeTextFileSync(config, 'user = "somebody"\n');
  await assertRejects(
    () => unitOf(root, SERVER_SERVICE, "--config", config),
    UsageError,
    "somebody",
  );
  Deno.writeTextFileSync(config, 'user = "simplevpn"\n');
  assertMatch(await unitOf(root, SERVER_SERVICE, "--config", config), /^User=simplevpn$/m);
});

Deno.test("a service's invite is copied, and not one that a configuration file names", async () => {
  using root = new TemporaryFolder();
  const [config, file] = [`${root.path}/client.toml`, `${root.path}/invite`];
  Deno.writeTextFileSync(file, `${INVITE}\n`);
  Deno.writeTextFileSync(config, `invite-file = "${file}"\n`);
  const words = ["--config", config];
  for (const more of [[], ["--invite-file", file]]) {
    const installing = (): Promise<string> => unitOf(root, CLIENT_SERVICE, ...words, ...more);
    await assertRejects(installing, UsageError, "take invite-file out of the configuration file");
  }
  Deno.writeTextFileSync(config, "");
  await unitOf(root, CLIENT_SERVICE, ...words, "--invite-file", file);
  const copy = `${root.path}/var/lib/simplevpn/invite`;
  assertEquals(Deno.readTextFileSync(copy), `${INVITE}\n`);
});
