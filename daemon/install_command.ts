import {
  type Arguments,
  type Option,
  readArguments,
  UsageError,
} from "../lib/config/command_line.ts";
import { CONFIG } from "../lib/config/common_options.ts";
import { formatInvite, type Invite } from "../lib/config/invite.ts";
import { INSTALL_OPTIONS } from "../lib/config/service_options.ts";
import { SERVICE_LOGS, SERVICE_STATE } from "../lib/config/service_unit.ts";
import { isGiven, readText } from "../lib/config/values.ts";
import { cleanUpAll } from "./cleanup_command.ts";
import { JOINED_SERVER, WAITING_INVITE } from "./client_state.ts";
import { dnsHint, hasPolkit } from "./dns_remedy.ts";
import { Failure } from "./failure.ts";
import {
  exists,
  formatInstalledUnit,
  installedOptions,
  installedProgram,
  isProgramCopied,
  placeFile,
  placeProgram,
  POLKIT_RULES,
  ServiceFiles,
  type ServiceName,
  SYSUSERS,
} from "./service_files.ts";
import { giveStateFolder, makeServiceUser } from "./service_user.ts";
import { writeFileAtomically } from "./state_folder.ts";
import { checkMayManage, restartService, systemctl } from "./systemctl.ts";

/** The option of an invite, which "install" copies into the state folder. */
export const INVITE_FILE = "invite-file";

/** A program that can run as a service. */
export interface ServiceProgram {
  name: ServiceName;
  /** Its first command, which the service runs. */
  command: string;
  /** A few words. */
  description: string;
  /** Options of that command. */
  options: readonly Option[];
  /** Checks a command line of that command, and says what it needs. @throws {UsageError} */
  check(args: Arguments): Promise<ServiceNeeds> | ServiceNeeds;
}

/** What a command line makes necessary. */
export interface ServiceNeeds {
  hasLowPort: boolean;
  logFile: string | undefined;
  /** Whether it changes what is in /proc/sys. */
  writesSysctls: boolean;
  /** Whether it may have to set this machine's DNS. */
  setsDns: boolean;
  /** How it gets in when it is first started. */
  invite: Invite | undefined;
  /** Whether it cannot do without an invite if it has not joined before. */
  needsInvite: boolean;
}

/** What to install, and where to. */
export interface Installation {
  program: ServiceProgram;
  args: Arguments;
  /** The program's file as it is running. */
  file: string;
  /** In the place of "/"; then no service is started. */
  root: string;
  /** Its manual page and such: texts of files by their paths. */
  help: ReadonlyMap<string, string>;
}

/** Makes the program a service that begins with the machine, and starts it. @throws {Failure} */
export async function runInstall(
  program: ServiceProgram,
  args: Arguments,
  help: Installation["help"],
): Promise<void> {
  const root = readText(args, "root");
  checkMayManage(program.name, root);
  if (!Deno.build.standalone) {
    throw new Failure(
      'Only a compiled program can be installed: make it with "deno task compile", and run ' +
        `dist/${program.name} install`,
    );
  }
  const files = await install({ program, args, file: Deno.execPath(), root: root ?? "", help });
  if (root !== undefined) return;
  await systemctl("daemon-reload");
  await systemctl("enable", "--quiet", program.name);
  if (isGiven(args, "no-start")) {
    return console.log(`It begins with the machine; now: systemctl start ${program.name}`);
  }
  await restartService(program.name);
  console.log(`${program.name} is running, and begins with the machine from now on`);
  console.log(
    `Its log: journalctl -u ${program.name}; what it does: systemctl status ${files.name}`,
  );
}

/** Writes all that the service is made of. @throws {UsageError} before anything is written, {Failure} */
export async function install(
  { program, args, file, root, help }: Installation,
): Promise<ServiceFiles> {
  const files = new ServiceFiles(program.name, root);
  const given = serviceArguments(program, args, files);
  checkConfigPath(given);
  const needs = await program.check(given);
  checkInvite(needs, files, root);
  checkLogFile(needs);
  const isCopied = !isSameFile(file, files.program) || isProgramCopied(files);
  const options = optionWords(program, given);
  const unit = formatInstalledUnit(
    {
      name: program.name,
      description: program.description,
      command: serviceCommand(program, options),
      hasLowPort: needs.hasLowPort,
      hasLogFile: needs.logFile !== undefined,
      writesSysctls: needs.writesSysctls,
      reload: isGiven(given, CONFIG) ? reloadCommand(program) : undefined,
    },
    options,
    isCopied,
  );
  // First of all what says to "uninstall" that there is something to remove.
  write(files.unit, () => placeFile(files.unit, unit));
  if (!isSameFile(file, files.program)) {
    write(files.program, () => placeProgram(file, files.program));
  }
  write(files.sysusers, () => placeFile(files.sysusers, SYSUSERS));
  if (program.name === "simplevpn-client" && hasPolkit(root)) {
    write(files.polkitRules, () => placeFile(files.polkitRules, POLKIT_RULES));
  }
  for (const [path, text] of help) write(root + path, () => placeFile(root + path, text));
  await prepareState(files, needs, root);
  const hint = needs.setsDns && root === "" ? await dnsHint() : undefined;
  if (hint !== undefined) console.log(hint);
  return files;
}

async function prepareState(
  files: ServiceFiles,
  { invite }: ServiceNeeds,
  root: string,
): Promise<void> {
  if (root === "") {
    // Root can do that, and the service, whose the notes are to be, perhaps not.
    for (const line of await cleanUpAll(files.state)) console.log(`Undone: ${line}`);
    const owner = await makeServiceUser(files.sysusers);
    if (giveStateFolder(files.state, owner)) console.log(`${files.state} is the service's`);
  }
  if (invite === undefined) return;
  Deno.mkdirSync(files.state, { recursive: true, mode: 0o700 });
  const path = `${files.state}/${WAITING_INVITE}`;
  write(path, () => writeFileAtomically(path, `${formatInvite(invite)}\n`));
}

/** A service that could never connect is worse than none. */
function checkInvite(
  { invite, needsInvite }: ServiceNeeds,
  files: ServiceFiles,
  root: string,
): void {
  if (root !== "" || !needsInvite || invite !== undefined) return;
  const known = [JOINED_SERVER, WAITING_INVITE].map((name) => `${files.state}/${name}`);
  if (known.some(exists)) return;
  throw new Failure(
    "This machine has not joined a network yet: get an invite from whoever runs the server " +
      `("simplevpn-server invite NAME" prints one), and run ${files.name} install INVITE`,
  );
}

/** A service has another working folder. */
function checkConfigPath(args: Arguments): void {
  const path = readText(args, CONFIG);
  if (path === undefined || path.startsWith("/")) return;
  throw new UsageError(
    `A service needs the whole path of its configuration file in place of "${path}"`,
  );
}

/** Nowhere else may the service write one. */
function checkLogFile({ logFile }: ServiceNeeds): void {
  const isInFolder = (file: string): boolean =>
    file.startsWith(`${SERVICE_LOGS}/`) && !file.slice(SERVICE_LOGS.length + 1).includes("/");
  if (logFile === undefined || isInFolder(logFile)) return;
  throw new UsageError(
    `A service writes its log file into ${SERVICE_LOGS} only; without --log-file it is in the journal`,
  );
}

/**
 * What is left for the service's own command line. Without an option it is what it was: who installs a
 * newer program means the same service.
 */
function serviceArguments(
  program: ServiceProgram,
  { options, operands }: Arguments,
  files: ServiceFiles,
): Arguments {
  const own = INSTALL_OPTIONS.map(({ name }) => name);
  const given = [...options].filter(([name]) => !own.includes(name));
  if (given.some(([name]) => name !== INVITE_FILE)) return { options: new Map(given), operands };
  const words = installedOptions(files);
  if (words.length > 0) console.log(`With the options that it has: ${words.join(" ")}`);
  const before = readArguments(program.options, words);
  return { options: new Map([...before.options, ...given]), operands };
}

/** The options spelled out, but for an invite: that is for once. */
function optionWords({ options }: ServiceProgram, given: Arguments): string[] {
  return options.filter(({ name }) => name !== INVITE_FILE).flatMap(({ name, value }) =>
    (given.options.get(name) ?? []).map((text) => value ? `--${name}=${text}` : `--${name}`)
  );
}

/** The service's command line, in which there is no secret: an invite waits in the state folder. */
function serviceCommand({ name, command }: ServiceProgram, options: readonly string[]): string[] {
  return [installedProgram(name), command, `--state=${SERVICE_STATE}`, ...options];
}

function reloadCommand({ name }: ServiceProgram): string[] {
  return [installedProgram(name), "reload", `--state=${SERVICE_STATE}`];
}

function isSameFile(one: string, other: string): boolean {
  return exists(other) && Deno.realPathSync(one) === Deno.realPathSync(other);
}

/** @throws {Failure} */
function write(path: string, place: () => void): void {
  try {
    place();
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`Cannot write ${path}: ${(error as Error).message}`);
  }
  console.log(`Wrote ${path}`);
}
