/** That docs/operations.md leads where it says: its commands, as they stand there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { program, type ProgramName } from "../../scripts/program.ts";
import { networkState } from "./inspection.ts";
import { withFile } from "./mounts.ts";
import { connected, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const TEXT = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
const CHAPTER = TEXT.slice(TEXT.indexOf("## From nothing"), TEXT.indexOf("## Everything through"));

/** The server's public address, and a host of the internet. */
const PUBLIC = "203.0.113.10";
const HOST = "192.0.2.9";

const RESOLV_CONF = "nameserver 192.0.2.53\n";

/** Answers each HTTP request with the address that it comes from. */
const WHO_ASKS = `
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
print("ready", file=sys.stderr, flush=True)
http.server.HTTPServer(("0.0.0.0", 80), Handler).serve_forever()`;

/** One command of the document. */
interface Line {
  machine: string;
  words: string[];
}

function commandLines(): Line[] {
  return [...CHAPTER.matchAll(/^(server|laptop)# +(.*)$/gm)].map(([, machine, command]) => ({
    machine: machine!,
    words: command!.split(" "),
  }));
}

/** Two machines that do what the document says; a service is a process here. */
class Reader {
  readonly #lab: TunnelLab;
  readonly #machines: Readonly<Record<string, Machine>>;
  readonly #services = new Map<string, LabProcess>();
  /** Stands for the machines' own. */
  readonly resolvConf: string;
  #invite = "";

  constructor(lab: TunnelLab, laptop: Machine) {
    this.#lab = lab;
    this.resolvConf = `${lab.lab.folder}/resolv.conf`;
    Deno.writeTextFileSync(this.resolvConf, RESOLV_CONF);
    this.#machines = { server: lab.server, laptop };
  }

  /** Returns what the command prints. */
  async type({ machine: name, words: [first, ...words] }: Line): Promise<string> {
    const machine = this.#machines[name]!;
    if (first === "apt-get") return "";
    if (first === "curl") return await machine.run("python3", "-c", FETCH, `http://${HOST}/`);
    const own = first!.replace("./simplevpn-", "").replace("simplevpn-", "") as ProgramName;
    const [command, ...rest] = words.map((word) =>
      word === "INVITE" ? this.#invite : word === "vpn.example.org" ? PUBLIC : word
    );
    const state = ["--state", `${this.#lab.state}-${own}`];
    const start = withFile("/etc/resolv.conf", this.resolvConf, [
      ...program(own, SOURCE),
      ...command === "install" ? [] : [command!],
    ]);
    if (command === "install") {
      const service = machine.start([...start, ...state, ...rest]);
      this.#services.set(own, service);
      await (own === "server" ? service.waitFor(/Listening on/) : connected(service));
      return "";
    }
    if (command === "uninstall") {
      return `${(await this.#services.get(own)!.stop()).code}`;
    }
    const { stdout, stderr, success } = await machine.try(...start, ...rest, ...state);
    assert(success || command === "doctor", stderr);
    if (command === "invite") this.#invite = stdout.trim();
    return stdout;
  }
}

const FETCH = `
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())`;

await labTest("docs/operations.md leads from nothing to a full tunnel, and back", [
  "nft",
  "ping",
  "python3",
], async () => {
  await using lab = await TunnelLab.open();
  const { machine: laptop, server, interface: cable } = await lab.addClient();
  const host = await lab.lab.machine("internet");
  const near = await lab.lab.cable(lab.server, ["192.0.2.1/24"], host, [`${HOST}/24`]);
  assert(near.one !== "");
  await lab.server.run("ip", "address", "add", `${PUBLIC}/32`, "dev", "lo");
  await laptop.run("ip", "route", "add", "default", "via", server, "dev", cable);
  const web = host.start(["python3", "-c", WHO_ASKS]);
  await web.waitFor(/ready/);
  const machines = [lab.server, laptop];
  const before = await Promise.all(machines.map(networkState));
  const reader = new Reader(lab, laptop);
  const said = new Map<string, string>();
  for (const line of commandLines()) {
    said.set(`${line.machine} ${line.words.join(" ")}`, await reader.type(line));
  }
  const find = (pattern: RegExp): string =>
    [...said].find(([command]) => pattern.test(command))?.[1] ?? "that command is not there";
  // The host has no way back but by the server's own address.
  assertMatch(find(/curl/), /^192\.0\.2\.1$/m);
  assertMatch(find(/server invite/), /^simplevpn:\/\//);
  assertMatch(find(/client status/), /connected/i);
  for (const doctor of [/server doctor/, /client doctor/]) {
    assertEquals(find(doctor).match(/^FAULT.*/gm), null, find(doctor));
  }
  assertEquals(await Deno.readTextFile(reader.resolvConf), RESOLV_CONF);
  assertEquals([find(/client uninstall/), find(/server uninstall/)], ["0", "0"]);
  assertEquals(await Promise.all(machines.map(networkState)), before);
});
