/**
 * The demo: a server and two clients on a little internet, all inside this machine.
 *
 *   deno task demo
 *
 * This is its door: it looks whether the demo can run here, and starts it (demo_story.ts) with
 * namespaces of its own for everything that it makes: network, mounts, processes. So it needs no
 * root where user namespaces are allowed, and the kernel leaves nothing of it behind, however it ends.
 */
import { missingCommands, PREREQUISITES } from "./lab.ts";
import { ROOT } from "./program.ts";

const PACKAGES: Readonly<Record<string, string>> = { ...PREREQUISITES, unshare: "util-linux" };
const TUN = "/dev/net/tun";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Milliseconds that the story is given to end when it is asked to. */
const PATIENCE = 8_000;

const NAMESPACES = ["--net", "--mount", "--pid", "--kill-child"];
/** As root without, else with a user namespace, in which everybody is root. */
const WAYS = [NAMESPACES, ["--user", "--map-root-user", ...NAMESPACES]];

/** `ip netns` keeps its names in /var/run, which is /run nearly everywhere: the demo has its own. */
const PREPARE = 'mount -t tmpfs tmpfs "$(readlink -f /var/run)"';

/** Settings of some systems that keep user namespaces from people, and what allows them. */
const KNOBS: readonly { name: string; closed: string; open: string }[] = [
  { name: "kernel.apparmor_restrict_unprivileged_userns", closed: "1", open: "0" },
  { name: "kernel.unprivileged_userns_clone", closed: "0", open: "1" },
  { name: "user.max_user_namespaces", closed: "0", open: "10000" },
];

/** What the user can type to run the demo as root; sudo would not find a deno that npx brought. */
const AS_ROOT = `sudo ${Deno.execPath()} task demo`;

async function checkCommands(): Promise<void> {
  const missing = await missingCommands(["ip", "ping", "unshare"]);
  if (missing.length === 0) return;
  const packages = missing.map((command) => PACKAGES[command] ?? command);
  const verb = missing.length === 1 ? "is" : "are";
  fail(`${missing.join(" and ")} ${verb} missing: ${sudo()}apt-get install ${packages.join(" ")}`);
}

function checkTun(): void {
  try {
    Deno.openSync(TUN, { read: true, write: true }).close();
  } catch (error) {
    const reason = (error as Error).message.split(" (")[0];
    const advice = error instanceof Deno.errors.PermissionDenied
      ? `run it as root (${AS_ROOT}), or allow it to everybody, as most systems do: sudo chmod 666 ${TUN}`
      : `load the kernel's TUN driver: ${sudo()}modprobe tun (a container needs --device ${TUN})`;
    fail(`${TUN} cannot be opened: ${reason}: ${advice}`);
  }
}

/** Finds out how namespaces can be made here: as options for unshare. */
async function findWay(): Promise<readonly string[]> {
  let reason = "";
  for (const way of WAYS) {
    const { success, stderr } = await new Deno.Command("unshare", {
      args: [...way, "sh", "-c", PREPARE],
      stdin: "null",
    }).output();
    if (success) return way;
    reason = new TextDecoder().decode(stderr).trim().split("\n")[0]!;
  }
  fail(`namespaces cannot be made (${reason}): ${adviseNamespaces()}`);
}

function adviseNamespaces(): string {
  if (Deno.uid() === 0) return "in a container, start that with --privileged";
  const knob = KNOBS.find(({ name, closed }) => readSetting(name) === closed);
  const allow = knob ? `, or allow it: sudo sysctl ${knob.name}=${knob.open}` : "";
  return `run it as root: ${AS_ROOT}${allow}`;
}

function readSetting(name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/sys/${name.replace(".", "/")}`).trim();
  } catch {
    // Most systems have not all of them.
    return undefined;
  }
}

/** Gets what the programs import: in the demo's own network there is nothing to get it from. */
async function fetchImports(): Promise<void> {
  const modules = ["main_server.ts", "main_client.ts", "scripts/demo_story.ts"];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", ...modules.map((module) => ROOT + module)],
    cwd: ROOT,
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) fail("what the programs import could not be fetched");
}

/** Runs the story to its end, which a signal brings about early; returns its exit status. */
async function tellStory(way: readonly string[]): Promise<number> {
  const story = [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--allow-all",
    `${ROOT}scripts/demo_story.ts`,
  ];
  const child = new Deno.Command("unshare", {
    args: [...way, "sh", "-c", `${PREPARE} && exec "$@"`, "sh", ...story],
    // It ends when its stdin does, so also when this process is killed. Signals from the terminal
    // are kept from it: they would end the programs before it knows why.
    stdin: "piped",
    detached: true,
  }).spawn();
  const end = once(() => {
    child.stdin.close();
    setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  });
  for (const signal of SIGNALS) Deno.addSignalListener(signal, end);
  return (await child.status).code;
}

/** `deno task` passes on what the terminal has sent already, so one Ctrl-C comes as two signals. */
function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

function sudo(): string {
  return Deno.uid() === 0 ? "" : "sudo ";
}

function fail(message: string): never {
  console.error(`demo: ${message}`);
  Deno.exit(1);
}

if (Deno.build.os !== "linux") fail("it needs Linux");
await checkCommands();
checkTun();
const way = await findWay();
await fetchImports();
Deno.exit(await tellStory(way));
