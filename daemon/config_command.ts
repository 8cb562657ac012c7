import type { Arguments, Option } from "../lib/config/command_line.ts";
import { STATE_OPTIONS } from "../lib/config/common_options.ts";
import { checkConfigFile } from "../lib/config/merged_settings.ts";
import { readOperands, readText } from "../lib/config/values.ts";
import { ask, type ProgramName } from "./control_request.ts";
import { Failure } from "./failure.ts";
import { loadConfigFile } from "./load_config_file.ts";
import type { Command } from "./program.ts";
import { describeReload, type Reloaded } from "./settings_source.ts";
import { defaultStateFolder } from "./state_folder.ts";

/**
 * The commands about configuration files.
 *
 * @param table the options of the command that such a file is for
 * @param read makes that command's settings of options
 */
export function configCommands(
  name: ProgramName,
  table: readonly Option[],
  read: (args: Arguments) => unknown,
): Command[] {
  return [
    {
      name: "check-config",
      usage: "FILE",
      help: "say what is wrong with a configuration file, if anything is",
      options: [],
      run: (args) => checkConfig(table, read, args),
    },
    {
      name: "reload",
      usage: "[--state DIR]",
      help: "let the running program read its configuration file anew",
      options: STATE_OPTIONS,
      run: (args) => reload(name, args),
    },
  ];
}

function checkConfig(
  table: readonly Option[],
  read: (args: Arguments) => unknown,
  args: Arguments,
): void {
  const [path] = readOperands(args, "The FILE to check");
  const nothing: Arguments = { options: new Map(), operands: [] };
  checkConfigFile(read, nothing, loadConfigFile(table, path!));
  console.log(`${path} is fine`);
}

async function reload(name: ProgramName, args: Arguments): Promise<void> {
  readOperands(args);
  const folder = readText(args, "state") ?? defaultStateFolder();
  const report = await ask(name, folder, { command: "reload" }) as Reloaded;
  if (report.complaints.length === 0) return console.log(capitalized(describeReload(report)));
  for (const complaint of report.complaints) console.error(`simplevpn-${name}: ${complaint}`);
  throw new Failure("The running program goes on as before");
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
