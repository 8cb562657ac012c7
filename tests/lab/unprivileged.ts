/** Programs without root. */
import { assert } from "@std/assert";
import { program } from "../../scripts/program.ts";
import { SOURCE } from "./tunnel_lab.ts";

/** What systemd does for a service with this user, by number, and the capability CAP_NET_ADMIN. */
export function asService(user: number): string[] {
  return [
    "setpriv",
    ...["--reuid", `${user}`, "--regid", `${user}`, "--clear-groups", "--no-new-privs"],
    ...["--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"],
    "--bounding-set=-all,+net_admin",
  ];
}

/**
 * Programs that any user can run: Deno's cache of npm packages is root's own.
 *
 * @param folder for the program's files; that user's DENO_DIR is another
 */
export async function bundled(folder: string, name: "server" | "client"): Promise<string[]> {
  if (SOURCE === "compiled") return program(name, SOURCE);
  const root = new URL("../../", import.meta.url).pathname;
  const files = [[`main_${name}.ts`, "main.js"], [`daemon/${name}_worker.ts`, `${name}_worker.ts`]];
  for (const [from, to] of files) {
    const args = ["bundle", "--quiet", `--output=${folder}/${to}`, from!];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root })
      .output();
    assert(success, new TextDecoder().decode(stderr));
  }
  const command = program(name).slice(0, -1);
  return [...command, "--no-config", "--no-check", "--no-lock", `${folder}/main.js`];
}
