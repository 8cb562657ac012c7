import type { Arguments } from "../lib/config/command_line.ts";
import { STATUS_OPTIONS } from "../lib/config/common_options.ts";
import { isGiven, readOperands, readText } from "../lib/config/values.ts";
import type { ClientStatus } from "../lib/status/client_status.ts";
import { printableJson } from "../lib/status/format.ts";
import type { ServerStatus } from "../lib/status/server_status.ts";
import { STATUS_FORMAT } from "../lib/status/status.ts";
import { clientText, serverText, type StatusText } from "../lib/status/table.ts";
import { ask, type ProgramName } from "./control_request.ts";
import { Failure } from "./failure.ts";
import type { Command } from "./program.ts";
import { Screen } from "./screen.ts";
import { defaultStateFolder } from "./state_folder.ts";
import { stopSignal } from "./stop_signal.ts";
import { alignColumns } from "./table.ts";

/** Milliseconds between two statuses of which rates are computed. */
const RATE_TIME = 500;
const WATCH_TIME = 1000;

type Status = ServerStatus | ClientStatus;

/** The command that shows what a running program does. */
export function statusCommand(program: ProgramName): Command {
  return {
    name: "status",
    usage: "[--watch] [--json]",
    help: `what the running simplevpn-${program} does: ${
      program === "server" ? "who is connected" : "its connections"
    }, traffic, drops`,
    options: STATUS_OPTIONS,
    run: (args) => show(program, args),
  };
}

async function show(program: ProgramName, args: Arguments): Promise<void> {
  readOperands(args);
  const state = readText(args, "state");
  const isJson = isGiven(args, "json");
  const take = (): Promise<Status> => takeStatus(program, state ?? defaultStateFolder());
  if (isGiven(args, "watch")) return await watch(take, state, isJson);
  const first = await take();
  if (isJson) return console.log(printableJson(first, 2));
  await pause(RATE_TIME);
  console.log(formatStatus(await take(), first, state));
}

/** Shows it again and again; JSON as one line each time. Ends when a signal asks for that. */
async function watch(
  take: () => Promise<Status>,
  state: string | undefined,
  isJson: boolean,
): Promise<void> {
  const stop = stopSignal();
  const screen = new Screen(!isJson);
  let before: Status | undefined;
  do {
    const status = await take();
    if (!screen.show(isJson ? printableJson(status) : formatStatus(status, before, state))) return;
    before = status;
  } while (await Promise.race([stop, pause(WATCH_TIME)]) === undefined);
}

/** @throws {Failure} if the program does not run, or is of a version that says it in another way */
async function takeStatus(program: ProgramName, folder: string): Promise<Status> {
  const status = await ask(program, folder, { command: "status" }) as Status;
  if (status.format === STATUS_FORMAT) return status;
  throw new Failure(
    `The simplevpn-${program} that is running is of another version than this command: start it anew`,
  );
}

/** @param state the folder that was named, if any */
function formatStatus(
  status: Status,
  before: Status | undefined,
  state: string | undefined,
): string {
  const { above, rows, below }: StatusText = "peers" in status
    ? serverText(status, before as ServerStatus | undefined, state)
    : clientText(status, before as ClientStatus | undefined);
  const table = rows.length === 0 ? [] : ["", alignColumns(rows)];
  return [...above, ...table, "", ...below].join("\n");
}

function pause(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
