/** The manual pages and what shells complete, with the programs that show them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type CommandOutput, output } from "../../scripts/lab.ts";
import { program, type ProgramName } from "../../scripts/program.ts";
import { CONNECT_OPTIONS } from "../../lib/config/client_options.ts";
import { SERVE_OPTIONS } from "../../lib/config/server_options.ts";
import { missingPackages, SOURCE, testUnless } from "./tunnel_lab.ts";

const OPTIONS = { server: SERVE_OPTIONS, client: CONNECT_OPTIONS } as const;
const NAMES = Object.keys(OPTIONS) as ProgramName[];

async function shellTest(
  name: string,
  command: string,
  fn: (name: ProgramName) => Promise<void>,
): Promise<void> {
  const obstacle = await missingPackages([command]);
  for (const program of NAMES) {
    testUnless(obstacle, `simplevpn-${program}: ${name}`, () => fn(program));
  }
}

/** What one of the program's commands prints. */
async function printed(name: ProgramName, ...words: string[]): Promise<string> {
  const { success, stdout, stderr } = await output([...program(name, SOURCE), ...words]);
  assert(success, stderr);
  return stdout;
}

/** Runs a script after the program's completions and what is to stand before them. */
async function inShell(
  shell: string,
  name: ProgramName,
  script: string,
  option: string,
  before = "",
): Promise<CommandOutput> {
  const file = await Deno.makeTempFile({ prefix: "simplevpn-completions-" });
  try {
    await Deno.writeTextFile(
      file,
      `${before}\n${await printed(name, "completions", shell)}\n${script}\n`,
    );
    return await output([shell, option, file]);
  } finally {
    await Deno.remove(file);
  }
}

await shellTest("groff finds nothing wrong with the manual page", "groff", async (name) => {
  const file = await Deno.makeTempFile({ prefix: "simplevpn-man-" });
  try {
    await Deno.writeTextFile(file, await printed(name, "man"));
    const { stdout, stderr } = await output([
      "groff",
      "-man",
      "-ww",
      "-rHY=0",
      "-Tutf8",
      "-P-cbou",
      file,
    ]);
    assertEquals(stderr, "");
    for (const option of OPTIONS[name]) assert(stdout.includes(`--${option.name}`), option.name);
    assertMatch(stdout.replaceAll(/ +/g, " "), new RegExp(`simplevpn-${name} - joins`));
  } finally {
    await Deno.remove(file);
  }
});

/** Command lines, and words that are to be among what is offered for the last one. */
const CASES: readonly [line: string, offered: readonly string[]][] = [
  ["", ["status", "man"]],
  ["--log-level ", ["debug", "info", "warning", "error"]],
  ["--log-le", ["--log-level"]],
  ["--t", ["--tun", "--tcp", "--timeout"]],
  ["gen", ["genkey"]],
];

const SERVER_CASES: typeof CASES = [
  ["peers ", ["list", "add", "remove"]],
  ["peers list --", ["--json", "--state", "--help"]],
  ["invite pi --exp", ["--expires"]],
];

function casesOf(name: ProgramName): typeof CASES {
  return name === "server" ? [...CASES, ...SERVER_CASES] : CASES;
}

function assertOffered(
  line: string,
  words: readonly string[],
  { stdout, stderr }: CommandOutput,
): void {
  assertEquals(stderr, "", line);
  const offered = stdout.trimEnd().split("\n").map((word) => word.split("\t")[0]!.trim());
  for (const word of words) assert(offered.includes(word), `${line}: ${word} in ${stdout}`);
  const last = line.split(" ").at(-1)!;
  for (const word of offered) assert(word.startsWith(last), `${line}: ${word} offered`);
}

await shellTest("bash completes its command lines", "bash", async (name) => {
  for (const [line, words] of casesOf(name)) {
    const typed = `simplevpn-${name} ${line}`.split(" ");
    const script = `COMP_WORDS=(${typed.map((word) => `'${word}'`).join(" ")}); ` +
      `COMP_CWORD=${typed.length - 1}; _simplevpn_${name} 2>/dev/null; ` +
      `printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = await inShell("bash", name, script, "--norc");
    assertOffered(line, words, output);
    if (line === "") assert(!output.stdout.includes("-p"), `options among ${output.stdout}`);
  }
});

await shellTest("fish completes its command lines", "fish", async (name) => {
  for (const [line, words] of casesOf(name)) {
    const script = `complete -C 'simplevpn-${name} ${line}'`;
    assertOffered(line, words, await inShell("fish", name, script, "--no-config"));
  }
});

await shellTest("zsh completes its command lines", "zsh", async (name) => {
  // The functions of the completion system work within the line editor alone: these tell what they are given.
  const stubs =
    "compdef() { }; _describe() { print -rl -- ${(P)4} }; _arguments() { print -rl -- $@ }";
  for (const [line, [first]] of casesOf(name)) {
    const typed = `simplevpn-${name} ${line}`.split(" ");
    const script = `words=(${typed.map((word) => `'${word}'`).join(" ")}); ` +
      `CURRENT=${typed.length}; _simplevpn_${name}`;
    const { stdout, stderr } = await inShell("zsh", name, script, "-f", stubs);
    assertEquals(stderr, "", line);
    assert(stdout.includes(first!), `${line}: ${stdout}`);
  }
});
