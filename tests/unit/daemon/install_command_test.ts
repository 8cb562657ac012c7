import { assertMatch, assertRejects } from "@std/assert";
import { install, type ServiceProgram } from "../../../daemon/install_command.ts";
import { CLIENT_SERVICE, SERVER_SERVICE } from "../../../daemon/service_commands.ts";
import { readArguments, UsageError } from "../../../lib/config/command_line.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

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
