import { createFile } from "../ffi/new_file.ts";
import {
  formatServiceUnit,
  SERVICE_LOGS,
  SERVICE_STATE,
  SERVICE_USER,
  type ServiceUnit,
} from "../lib/config/service_unit.ts";
import { Failure } from "./failure.ts";
import { helpPaths } from "./help_files.ts";

export type ServiceName = "simplevpn-server" | "simplevpn-client";

/** Where `install` puts a program, and what it writes for it. */
export class ServiceFiles {
  readonly name: ServiceName;
  readonly #root: string;

  /** @param root what stands in the place of "/", without a final slash; empty for "/" itself */
  constructor(name: ServiceName, root: string) {
    this.name = name;
    this.#root = root;
  }

  get program(): string {
    return `${this.#root}${installedProgram(this.name)}`;
  }

  get unit(): string {
    return this.#unitOf(this.name);
  }

  get sysusers(): string {
    return `${this.#root}/etc/sysusers.d/simplevpn.conf`;
  }

  get polkitRules(): string {
    return `${this.#root}/etc/polkit-1/rules.d/49-simplevpn.rules`;
  }

  /** The manual page, and what shells complete. */
  get help(): string[] {
    return helpPaths(this.name).map((path) => `${this.#root}${path}`);
  }

  get state(): string {
    return `${this.#root}${SERVICE_STATE}`;
  }

  get logs(): string {
    return `${this.#root}${SERVICE_LOGS}`;
  }

  /** Whether the other program is installed, which needs the user as well. */
  get isShared(): boolean {
    const other = this.name === "simplevpn-server" ? "simplevpn-client" : "simplevpn-server";
    return exists(this.#unitOf(other));
  }

  #unitOf(name: ServiceName): string {
    return `${this.#root}/etc/systemd/system/${name}.service`;
  }
}

/** Where the program is as its unit says. */
export function installedProgram(name: ServiceName): string {
  return `/usr/local/bin/${name}`;
}

/** A line of the unit that says whose the program's file is: what `uninstall` removes. */
const COPIED = "# install copied the program to where this says.";

/** What a line of the unit begins with that has the options given to `install`, as JSON. */
const OPTIONS = "# Options: ";

/**
 * The unit as `install` writes it, with what it has to know when it is run again.
 *
 * @param options those given to it, "--name" or "--name=value"
 * @param isCopied whether the program was put there by it
 * @throws {UsageError}
 */
export function formatInstalledUnit(
  unit: ServiceUnit,
  options: readonly string[],
  isCopied: boolean,
): string {
  const head = [
    `# Written by "${unit.name} install", which writes it anew; changes belong into`,
    `# "systemctl edit ${unit.name}".`,
    `${OPTIONS}${JSON.stringify(options)}`,
    ...isCopied ? [COPIED] : [],
  ];
  return `${head.join("\n")}\n\n${formatServiceUnit(unit)}`;
}

/** Whether `install` has put the program there itself, going by its unit. */
export function isProgramCopied(files: ServiceFiles): boolean {
  return unitLines(files).includes(COPIED);
}

/**
 * The options that were given to `install` before, going by its unit; none if there is no unit.
 *
 * @throws {Failure} if somebody changed them to what makes no sense
 */
export function installedOptions(files: ServiceFiles): string[] {
  const line = unitLines(files).find((line) => line.startsWith(OPTIONS)) ?? `${OPTIONS}[]`;
  try {
    return (JSON.parse(line.slice(OPTIONS.length)) as unknown[]).map(String);
  } catch (error) {
    throw new Failure(
      `Cannot make sense of the options in ${files.unit} (${
        (error as Error).message
      }): give them ` +
        "to install anew",
    );
  }
}

function unitLines({ unit }: ServiceFiles): string[] {
  return exists(unit) ? Deno.readTextFileSync(unit).split("\n") : [];
}

/** For systemd-sysusers(8). */
export const SYSUSERS = `# Written by simplevpn's "install".
u ${SERVICE_USER} - "simplevpn tunnel" ${SERVICE_STATE}
`;

/** Lets the client tell systemd-resolved which DNS servers its interface has (polkit(8)). */
export const POLKIT_RULES = `// Written by simplevpn-client's "install".
polkit.addRule(function (action, subject) {
  if (subject.user === "${SERVICE_USER}" && action.id.indexOf("org.freedesktop.resolve1.") === 0) {
    return polkit.Result.YES;
  }
});
`;

/** Writes a file that everybody may read, whole at any moment. @throws {Error} */
export function placeFile(path: string, text: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const bytes = new TextEncoder().encode(text);
  createFile(`${path}.new`, { bytes, mode: 0o644, owner: undefined });
  finishFile(path, 0o644);
}

/** Puts a program in its place, also where it is running. @throws {Error} */
export function placeProgram(from: string, path: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  Deno.copyFileSync(from, `${path}.new`);
  finishFile(path, 0o755);
}

/** Whatever umask root has, services and their users must be able to read it. */
function finishFile(path: string, mode: number): void {
  Deno.chmodSync(`${path}.new`, mode);
  Deno.renameSync(`${path}.new`, path);
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
