import { completions } from "../lib/help/completions.ts";
import { manPage } from "../lib/help/man_page.ts";
import type { ProgramDescription } from "../lib/help/program_description.ts";
import { VERSION } from "./version.ts";

/** Where others look for what a program tells of itself. */
const PATHS = {
  man: (name: string) => `/usr/local/share/man/man8/${name}.8`,
  bash: (name: string) => `/usr/local/share/bash-completion/completions/${name}`,
  zsh: (name: string) => `/usr/local/share/zsh/site-functions/_${name}`,
  fish: (name: string) => `/usr/local/share/fish/vendor_completions.d/${name}.fish`,
} as const;

/** Paths of a program's manual page and of what its completions are in. */
export function helpPaths(name: string): string[] {
  return Object.values(PATHS).map((path) => path(name));
}

/** The texts of these files, by their paths. */
export function helpFiles(program: ProgramDescription): ReadonlyMap<string, string> {
  const { name } = program;
  return new Map([
    [PATHS.man(name), manPage(program, VERSION)],
    ...(["bash", "zsh", "fish"] as const).map((shell) =>
      [PATHS[shell](name), completions(program, shell)] as const
    ),
  ]);
}
