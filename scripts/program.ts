/** How the two programs are run: from source, or as what `deno task compile` makes. */

export type ProgramName = "server" | "client";
export type ProgramSource = "source" | "compiled";

/** Machines that `deno compile` can make programs for, by `uname -m`, with its own names for them. */
export const TARGETS: Readonly<Record<string, string>> = {
  x86_64: "x86_64-unknown-linux-gnu",
  aarch64: "aarch64-unknown-linux-gnu",
};

/** This project's folder, with a final slash. */
export const ROOT = new URL("..", import.meta.url).pathname;

/** What the programs may do; deno.json's tasks say the same. Their state folder can be any. */
export const PERMISSIONS: readonly string[] = [
  "--allow-ffi",
  "--allow-sys=networkInterfaces,uid",
  "--allow-env=HOME,TERM,XDG_STATE_HOME,NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID",
  "--allow-read",
  "--allow-write",
  "--allow-run",
  "--allow-net",
];

/** The file that a program is compiled into. */
export function compiledFile(name: ProgramName, arch: string = Deno.build.arch): string {
  return `${ROOT}dist/${arch}/simplevpn-${name}`;
}

/** The command that starts a program. */
export function program(name: ProgramName, source: ProgramSource = "source"): string[] {
  if (source === "compiled") return [compiledFile(name)];
  return [Deno.execPath(), "run", "--no-prompt", ...PERMISSIONS, `${ROOT}main_${name}.ts`];
}
