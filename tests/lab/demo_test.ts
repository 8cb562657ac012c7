import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { missingCommands } from "../../scripts/lab.ts";
import { ROOT } from "../../scripts/program.ts";
import { labTest } from "./tunnel_lab.ts";

const NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const DEMO = ["run", "--no-prompt", "--allow-all", "scripts/demo.ts"];
const decoder = new TextDecoder();

/**
 * Runs a command as a stranger to this user's files, which are mounted where a stranger may go, and
 * with a TUN device for everybody, which most systems have but not all.
 */
const AS_STRANGER = `set -e
cd "$1"
mkdir -m 755 checkout cache cache/npm home
touch deno
mount --bind "$2" checkout
mount --bind "$3" deno
mount --bind "$4" cache/npm
chown 65534:65534 cache home
if [ "$(stat -c %a /dev/net/tun)" != 666 ]; then
  mount -t tmpfs tmpfs /dev/net
  mknod -m 666 /dev/net/tun c 10 200
fi
export DENO_DIR="$1/cache" HOME="$1/home" TMPDIR="$1/home" deno="$1/deno"
cd checkout
shift 4
exec ${NOBODY.join(" ")} "$deno" "$@"`;

/** A run of the demo, with what is needed to find whatever it leaves behind. */
class DemoRun implements AsyncDisposable {
  readonly #folder: string;
  readonly #mark = crypto.randomUUID();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async prepare(): Promise<DemoRun> {
    const folder = await Deno.makeTempDir({ prefix: "simplevpn-lab-" });
    await Deno.chmod(folder, 0o755);
    return new DemoRun(folder);
  }

  asRoot(path: string = Deno.env.get("PATH")!): Deno.Command {
    return this.#command([Deno.execPath(), ...DEMO], { PATH: path, TMPDIR: this.#folder });
  }

  async asStranger(): Promise<Deno.Command> {
    const { npmCache } = JSON.parse(await output([Deno.execPath(), "info", "--json"]));
    const files = [this.#folder, ROOT, Deno.execPath(), npmCache];
    return this.#command(
      ["unshare", "--mount", "sh", "-c", AS_STRANGER, "sh", ...files, ...DEMO],
      {},
    );
  }

  /** Makes a folder to search commands in that has just these, and returns it. */
  async pathWith(commands: readonly string[]): Promise<string> {
    const path = `${this.#folder}/bin`;
    await Deno.mkdir(path);
    for (const command of commands) {
      const file = (await output(["sh", "-c", `command -v ${command}`])).trim();
      await Deno.symlink(file, `${path}/${command}`);
    }
    return path;
  }

  /** Command lines of the processes that it started and that still run. */
  async leftProcesses(): Promise<string[]> {
    const left: string[] = [];
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const environment = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
      if (environment.includes(this.#mark)) {
        left.push(await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => name));
      }
    }
    return left;
  }

  /** Files that it made in its temporary folder and that are still there. */
  async leftFiles(): Promise<string[]> {
    return (await Array.fromAsync(Deno.readDir(this.#folder))).map(({ name }) => name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  #command(command: readonly string[], env: Record<string, string>): Deno.Command {
    return new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: { ...env, DEMO_RUN: this.#mark, NO_COLOR: "1" },
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }
}

/** Runs a command to its end and gives its stdout. */
async function output(command: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command[0]!, { args: command.slice(1) }).output();
  return decoder.decode(stdout);
}

/** Named network namespaces that are the demo's: its own first process has the number 1. */
async function demoNamespaces(): Promise<string[]> {
  return (await output(["ip", "netns", "list"])).match(/^svpn-1-.*/gm) ?? [];
}

/** Waits until a process has printed something, and then closes its stdout. */
async function printed(child: Deno.ChildProcess, text: string): Promise<void> {
  let all = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    all += part;
    if (all.includes(text)) return;
  }
  throw new Error(`It ended and did not print "${text}": ${all}`);
}

async function strangersMayMakeNamespaces(): Promise<boolean> {
  if ((await missingCommands(["setpriv", "unshare"])).length > 0) return false;
  const { success } = await new Deno.Command("setpriv", {
    args: [...NOBODY.slice(1), "unshare", "--user", "--map-root-user", "--net", "true"],
    stderr: "null",
  }).output();
  return success;
}

await labTest("the demo succeeds as root, and leaves nothing behind", ["ping"], async () => {
  await using run = await DemoRun.prepare();
  const { code, stdout, stderr } = await run.asRoot().output();
  assertEquals([code, decoder.decode(stderr)], [0, ""]);
  const told = decoder.decode(stdout);
  assertMatch(told, /^ +laptop +10\.0\.0\.2 .* 198\.51\.100\.2:\d+ .* MB /m);
  for (const carrier of ["TCP", "UDP"]) {
    assertMatch(told, new RegExp(`FAULT .* 203\\.0\\.113\\.2:2002 over ${carrier}: refused`));
  }
  assertStringIncludes(told, "and knows: this client was removed there");
  assertStringIncludes(told, "nothing of it stays behind");
  assertEquals(await run.leftProcesses(), []);
  assertEquals(await run.leftFiles(), []);
  assertEquals(await demoNamespaces(), []);
});

const STRANGER = "the demo succeeds for a user without rights, and leaves nothing behind";
if (await strangersMayMakeNamespaces()) {
  await labTest(STRANGER, ["ping"], async () => {
    await using run = await DemoRun.prepare();
    const { code, stdout, stderr } = await (await run.asStranger()).output();
    assertEquals([code, decoder.decode(stderr)], [0, ""]);
    assertStringIncludes(decoder.decode(stdout), "nothing of it stays behind");
    assertEquals(await run.leftProcesses(), []);
  });
} else {
  Deno.test({ name: `${STRANGER} (needs: user namespaces)`, ignore: true, fn: () => undefined });
}

await labTest("the demo ends at a signal, and leaves nothing behind", ["ping"], async () => {
  await using run = await DemoRun.prepare();
  const demo = run.asRoot().spawn();
  await printed(demo, "\n3. ");
  demo.kill("SIGINT");
  const [{ code }, stderr] = await Promise.all([demo.status, new Response(demo.stderr).text()]);
  assertEquals([code, stderr], [130, "\ndemo: interrupted; nothing of it stays behind\n"]);
  assertEquals(await run.leftProcesses(), []);
  assertEquals(await run.leftFiles(), []);
});

await labTest("the demo ends when its first process is killed", ["ping"], async () => {
  await using run = await DemoRun.prepare();
  const demo = run.asRoot().spawn();
  await printed(demo, "\n3. ");
  assert((await run.leftProcesses()).length > 0);
  demo.kill("SIGKILL");
  // Its stderr is open for as long as one of its processes lives.
  await Promise.all([demo.status, new Response(demo.stderr).text()]);
  assertEquals(await run.leftProcesses(), []);
});

await labTest("the demo names a missing command and how to get it", [], async () => {
  await using run = await DemoRun.prepare();
  const path = await run.pathWith(["sh", "ip", "unshare"]);
  const { code, stderr } = await run.asRoot(path).output();
  assertEquals(code, 1);
  assertStringIncludes(decoder.decode(stderr), "ping is missing: ");
  assertStringIncludes(decoder.decode(stderr), "apt-get install iputils-ping");
});

await labTest("the demo says so where namespaces cannot be made", ["ping"], async () => {
  await using run = await DemoRun.prepare();
  const path = await run.pathWith(["sh", "ip", "ping"]);
  await Deno.writeTextFile(`${path}/unshare`, "#!/bin/sh\necho not permitted >&2\nexit 1\n");
  await Deno.chmod(`${path}/unshare`, 0o755);
  const { code, stderr } = await run.asRoot(path).output();
  assertEquals(code, 1);
  assertStringIncludes(decoder.decode(stderr), "namespaces cannot be made (not permitted): ");
});
