import { parseArgs } from "@std/cli/parse-args";
import { congestionControl } from "../../lib/config/values.ts";
import { type Impairment, LINK_COMMANDS } from "../impaired_link.ts";
import { PREREQUISITES } from "../lab.ts";
import type { ProgramSource } from "../program.ts";
import { type Probe, PROBES } from "./probes.ts";
import type { Subject } from "./subject.ts";
import { OWN_SUBJECTS, SUBJECTS } from "./subjects.ts";

export interface Options {
  rounds: number;
  seconds: number;
  probes: readonly Probe[];
  subjects: readonly Subject[];
  programs: ProgramSource;
  /** What is wrong with the cable; nothing if undefined. */
  impairment: Impairment | undefined;
  congestion: Congestion;
  json: boolean;
  /** The file for the chart. */
  svg: string | undefined;
}

/** Congestion controls of TCP; the system's default if undefined. */
export interface Congestion {
  /** That of simplevpn's own connections. */
  tunnel: string | undefined;
  /** That of the measured flows. */
  flows: string | undefined;
}

export const HELP = `\
Measures tunnels against a plain cable, in network namespaces that it makes and removes.

Usage: deno task bench [OPTION ...]

  --rounds N          how often everything is measured, in turn (5)
  --seconds N         length of each flow, and of the pause before a ping (3)
  --quick             the same as --rounds 1 --seconds 1
  --only NAME,...     measure only these: ${PROBES.map(({ name }) => name).join(", ")}
  --peers             measure other VPNs too, those that are installed
  --subjects NAME,... measure only these:
${SUBJECTS.map(({ name }) => `                        ${name}`).join("\n")}
  --delay MS          make a round trip between the machines take so long (0)
  --loss PERCENT      lose so many of the packets, each way (0)
  --congestion NAME   the congestion control of simplevpn's own TCP (the system's)
  --flow-congestion NAME
                      that of the measured flows (the system's)
  --programs KIND     run simplevpn from "source" (default, unless the environment has
                      SIMPLEVPN_PROGRAMS=compiled) or "compiled"
  --json              print a JSON object instead of tables
  --svg FILE          draw a chart as well
  --help              print this`;

/** Reads the command line; undefined if it asks for help. @throws {RangeError} if it makes no sense */
export function readOptions(args: readonly string[], environment?: string): Options | undefined {
  const given = parseArgs(args, {
    boolean: ["quick", "peers", "json", "help"],
    string: [
      ...["rounds", "seconds", "only", "subjects", "delay", "loss"],
      ...["congestion", "flow-congestion", "programs", "svg"],
    ],
    unknown: (arg) => {
      throw new RangeError(`Unknown argument "${arg}"`);
    },
  });
  if (given.help) return undefined;
  const programs = given.programs ?? environment ?? "source";
  if (programs !== "source" && programs !== "compiled") {
    throw new RangeError(`Programs are run from "source" or "compiled", not "${programs}"`);
  }
  return {
    rounds: count("--rounds", given.rounds, given.quick ? 1 : 5),
    seconds: count("--seconds", given.seconds, given.quick ? 1 : 3),
    probes: choose(PROBES, "--only", given.only),
    subjects: given.subjects === undefined && !given.peers
      ? OWN_SUBJECTS
      : choose(SUBJECTS, "--subjects", given.subjects),
    programs,
    impairment: readImpairment(given.delay, given.loss),
    congestion: {
      tunnel: readCongestion("--congestion", given.congestion),
      flows: readCongestion("--flow-congestion", given["flow-congestion"]),
    },
    json: given.json === true,
    svg: readFile("--svg", given.svg),
  };
}

function readImpairment(delay: unknown, loss: unknown): Impairment | undefined {
  const impairment = {
    roundTrip: quantity("--delay", delay, 10_000),
    loss: quantity("--loss", loss, 100),
  };
  return impairment.roundTrip + impairment.loss === 0 ? undefined : impairment;
}

function readCongestion(option: string, text: unknown): string | undefined {
  if (text === undefined) return undefined;
  try {
    return congestionControl(String(text));
  } catch (error) {
    throw new RangeError(`${option}: ${(error as Error).message}`);
  }
}

function readFile(option: string, text: unknown): string | undefined {
  if (text === "") throw new RangeError(`${option} takes the name of a file`);
  return text === undefined ? undefined : String(text);
}

/** A number from 0 to `most`, 0 if there is none. */
function quantity(option: string, text: unknown, most: number): number {
  if (text === undefined) return 0;
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(String(text)) || Number(text) > most) {
    throw new RangeError(`${option} takes a number from 0 to ${most}, not "${text}"`);
  }
  return Number(text);
}

/** The commands that a bench needs, whatever it measures. */
export function neededCommands({ impairment }: Pick<Options, "impairment">): string[] {
  return ["ip", "ping", "iperf3", ...impairment ? LINK_COMMANDS : []];
}

/** What to type to get commands. */
export function installCommand(commands: readonly string[]): string {
  const packages = commands.map((command) => PREREQUISITES[command] ?? command);
  return `apt-get install ${packages.join(" ")}`;
}

function count(option: string, text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,3}$/.test(String(text))) {
    throw new RangeError(`${option} takes a whole number from 1 to 9999, not "${text}"`);
  }
  return Number(text);
}

/** Those of `all` that are named, in the order of `all`. */
function choose<T extends { name: string }>(
  all: readonly T[],
  option: string,
  text: unknown,
): readonly T[] {
  if (text === undefined) return all;
  const names = String(text).split(",");
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(", ");
    throw new RangeError(`${option} knows ${known}, but not "${unknown}"`);
  }
  return all.filter(({ name }) => names.includes(name));
}
