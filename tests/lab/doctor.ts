/** Asks a doctor, and looks for what it should have found. */
import { assert, assertEquals } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import type { Finding, Level } from "../../lib/doctor/finding.ts";
import { type ClientMachine, SOURCE, type TunnelLab } from "./tunnel_lab.ts";

/** What a doctor said. */
export interface Diagnosis {
  code: number;
  findings: Finding[];
}

/** The command of a client's doctor, as `TunnelLab.secureCommand()` makes a client's. */
export function clientDoctor(
  lab: TunnelLab,
  client: ClientMachine,
  ...options: string[]
): string[] {
  const [...words] = lab.secureCommand(client, "--json", ...options);
  return withDoctor(words, "client");
}

/** The command of a server's doctor. */
export function serverDoctor(lab: TunnelLab, ...options: string[]): string[] {
  return [...program("server", SOURCE), "doctor", "--json", "--state", lab.state, ...options];
}

function withDoctor(command: readonly string[], name: "client" | "server"): string[] {
  const length = program(name, SOURCE).length;
  return [...command.slice(0, length), "doctor", ...command.slice(length)];
}

/** Runs a doctor to its end. */
export async function diagnose(machine: Machine, command: readonly string[]): Promise<Diagnosis> {
  const begun = performance.now();
  const { code, stdout, stderr } = await machine.try(...command);
  assert(stdout.startsWith("{"), `no JSON: ${stdout}${stderr}`);
  const { findings, faults, version } = JSON.parse(stdout);
  assertEquals(version, 1);
  assertEquals(code, faults > 0 ? 1 : 0, stderr);
  assert(performance.now() - begun < 60_000, "it took a minute");
  return { code, findings };
}

/** Asserts that something was found, and gives it. */
export function assertFound(
  { findings }: Diagnosis,
  level: Level,
  check: string,
  what: RegExp,
): Finding {
  const found = findings.find((finding) =>
    finding.check === check && finding.level === level && what.test(finding.what)
  );
  assert(found, `no ${level} of ${check} ${what}: ${JSON.stringify(findings, null, 2)}`);
  if (level === "fault") assert(found.why && found.mend, "a fault without help");
  return found;
}

/** Asserts that nothing is wrong. */
export function assertHealthy({ findings }: Diagnosis): void {
  const bad = findings.filter(({ level }) => level === "fault" || level === "warning");
  assertEquals(bad, []);
}

/** Answers any question with a response code, as a DNS server that knows nothing does. */
const DNS = `import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
print("ready", file=sys.stderr, flush=True)
while True:
    question, sender = server.recvfrom(4096)
    server.sendto(question[:2] + bytes([0x81, 0x85]) + question[4:], sender)`;

/** Starts a DNS server on a machine. */
export async function startDns(machine: Machine): Promise<void> {
  await machine.start(["python3", "-c", DNS]).waitFor(/ready/);
}
