import type { Subject } from "./subject.ts";

/** The version in what a program says about itself; undefined if there is none. */
export function parseVersion(text: string): string | undefined {
  return text.match(/\bv?(\d+(?:\.\d+)*)\b/)?.[1];
}

/** The versions of others' programs, by subject, where they tell them. */
export async function versionsOf(subjects: readonly Subject[]): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const { name, installation } of subjects) {
    const [command, ...args] = installation?.version ?? [];
    if (command === undefined) continue;
    // OpenVPN tells its version and fails.
    const { stdout } = await new Deno.Command(command, { args, stdin: "null" }).output();
    const version = parseVersion(new TextDecoder().decode(stdout));
    if (version !== undefined) versions[name] = version;
  }
  return versions;
}
