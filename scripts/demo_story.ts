/**
 * What the demo shows. demo.ts runs this in namespaces of its own; it ends early, and with
 * everything put away, when its stdin is closed.
 */
import { moved, startReceiver, startSender } from "./data_mover.ts";
import { Lab, labObstacle, type LabProcess, type Machine, sleep } from "./lab.ts";
import { Narrator } from "./narrator.ts";
import { program } from "./program.ts";

const SERVER_OUTER = "203.0.113.2";
const SERVER_INNER = "10.0.0.1";

/** Where demo.ts mounts a folder that is the demo's own and goes with it. */
const STATE = "/var/run/simplevpn-demo";

const CONNECTED = /Connected to .*: (this machine is ([0-9.]+) .*)/;
const RECONNECTED = /Connected to |reached over TCP as well/;
/** How much of an invite is shown: it is longer than a line. */
const INVITE_SHOWN = 44;
/** Seconds that data is moved for: to see how fast, and beyond the server's end. */
const MOVE_TIME = 0.7;
const LONG_MOVE_TIME = 2;
const INTERRUPTED = 130;

class Interruption extends Error {}

/** One of the two machines that are to be joined. */
class Guest {
  readonly name: string;
  readonly outer: string;
  readonly machine: Machine;
  /** Its client, once started. */
  client!: LabProcess;
  /** Its address in the tunnel's network, once given. */
  inner = "";

  constructor(name: string, outer: string, machine: Machine) {
    this.name = name;
    this.outer = outer;
    this.machine = machine;
  }
}

/** The demo, step by step; each method is one step and needs those before it. */
class Story {
  readonly #lab: Lab;
  readonly #narrator = new Narrator();
  readonly #programs = new Map<string, LabProcess>();
  #server!: Machine;
  #laptop!: Guest;
  #pi!: Guest;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async tell(): Promise<void> {
    const begun = performance.now();
    this.#narrator.title("simplevpn: three machines become one network, all inside this machine");
    await this.#buildInternet();
    await this.#joinMachines();
    await this.#ping();
    await this.#moveData();
    await this.#showStatus();
    await this.#surviveCrash();
    await this.#findFault();
    await this.#remove();
    this.#summarize((performance.now() - begun) / 1000);
  }

  /** What the programs said last, for when something went wrong. */
  get lastWords(): string[] {
    return [...this.#programs].flatMap(([name, { stderr }]) =>
      stderr.trimEnd().split("\n").slice(-4).map((line) => `${name}: ${line}`)
    );
  }

  async #buildInternet(): Promise<void> {
    const [server, internet, laptop, pi] = await Promise.all(
      ["server", "internet", "laptop", "pi"].map((name) => this.#lab.machine(name)),
    ) as [Machine, Machine, Machine, Machine];
    this.#server = server;
    this.#laptop = new Guest("laptop", "198.51.100.2", laptop);
    this.#pi = new Guest("pi", "192.0.2.2", pi);
    await internet.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    await this.#connect(internet, server, SERVER_OUTER);
    for (const [guest, other] of [[this.#laptop, this.#pi], [this.#pi, this.#laptop]] as const) {
      await this.#connect(internet, guest.machine, guest.outer);
      await internet.run("ip", "rule", "add", "from", guest.outer, "to", other.outer, "prohibit");
    }
    this.#narrator.step("Three machines on a little internet, which keeps laptop and pi apart");
    this.#picture();
    const { success, stdout } = await laptop.try("ping", "-c", "1", "-W", "1", this.#pi.outer);
    if (success) throw new Error("The laptop reaches the pi without a tunnel");
    const refusal = /^From .*/m.exec(stdout)?.[0] ?? "no answer";
    this.#narrator.command("laptop", `ping ${this.#pi.outer}`, refusal);
  }

  /** Connects a machine to the internet: a network of its own, whose router has its first address. */
  async #connect(internet: Machine, machine: Machine, address: string): Promise<void> {
    const router = address.replace(/\d+$/, "1");
    await this.#lab.cable(internet, [`${router}/24`], machine, [`${address}/24`]);
    await machine.run("ip", "route", "add", "default", "via", router);
  }

  async #joinMachines(): Promise<void> {
    this.#narrator.step("An invite for each machine that joins, and one command there");
    this.#narrator.command("server", "simplevpn-server", await this.#startServer());
    for (const guest of [this.#laptop, this.#pi]) await this.#join(guest);
    this.#picture();
  }

  /** Starts the server and returns what it says. */
  async #startServer(): Promise<string> {
    const server = this.#server.start(serverCommand());
    this.#programs.set("server", server);
    return (await server.waitFor(/(Listening on .*)/))[1]!;
  }

  async #join(guest: Guest): Promise<void> {
    const { name, machine } = guest;
    const words = ["invite", name, "--host", SERVER_OUTER];
    const invite = (await this.#server.run(...serverCommand(...words))).trim();
    const shown = `${invite.slice(0, INVITE_SHOWN)}...`;
    this.#narrator.command("server", `simplevpn-server ${words.join(" ")}`, shown);
    guest.client = machine.start(clientCommand(name, invite));
    this.#programs.set(name, guest.client);
    const [, told, address] = await guest.client.waitFor(CONNECTED);
    guest.inner = address!;
    this.#narrator.command(name, `simplevpn-client ${shown}`, told!);
  }

  async #ping(): Promise<void> {
    this.#narrator.step("Each reaches each other, through the tunnel (ping, median of 5)");
    const [laptop, pi] = [this.#laptop, this.#pi];
    await this.#pingOnce("laptop to server", laptop.machine, SERVER_INNER);
    await this.#pingOnce("server to laptop", this.#server, laptop.inner);
    await this.#pingOnce("laptop to pi", laptop.machine, pi.inner);
    await this.#pingOnce("pi to laptop", pi.machine, laptop.inner);
  }

  async #pingOnce(what: string, from: Machine, to: string): Promise<void> {
    const output = await from.run("ping", "-c", "5", "-i", "0.05", "-W", "2", to);
    const times = [...output.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
    this.#narrator.value(what, `${median.toFixed(2)} ms`);
  }

  async #moveData(): Promise<void> {
    this.#narrator.step("Data, over one TCP connection at a time");
    const [laptop, pi] = [this.#laptop, this.#pi];
    const receivers = [this.#server, laptop.machine, pi.machine].map((machine) =>
      startReceiver(machine)
    );
    await Promise.all(receivers.map((receiver) => receiver.waitFor(/Ready/)));
    await this.#measure("laptop to server", laptop.machine, SERVER_INNER);
    await this.#measure("server to laptop", this.#server, laptop.inner);
    await this.#measure("laptop to pi", laptop.machine, pi.inner);
  }

  async #measure(what: string, from: Machine, to: string): Promise<void> {
    const { bytes, seconds } = await moved(startSender(from, to, MOVE_TIME));
    const speed = (bytes * 8 / seconds / 1e9).toFixed(2);
    this.#narrator.value(what, `${megabytes(bytes)} in ${seconds.toFixed(2)} s: ${speed} Gbit/s`);
  }

  async #showStatus(): Promise<void> {
    this.#narrator.step("Who is there, and what passes");
    const table = await this.#server.run(...serverCommand("status"));
    this.#narrator.command("server", "simplevpn-server status", ...table.trimEnd().split("\n"));
  }

  async #surviveCrash(): Promise<void> {
    this.#narrator.step("The server crashes while the laptop sends data to the pi");
    const [laptop, pi] = [this.#laptop, this.#pi];
    const sender = startSender(laptop.machine, pi.inner, LONG_MOVE_TIME);
    await sender.waitFor(/Sending/);
    await sleep(LONG_MOVE_TIME * 1000 / 5);
    const begun = performance.now();
    const [{ bytes }] = await Promise.all([
      moved(sender),
      ...[laptop, pi].map((guest) => this.#comeBack(guest, begun)),
      this.#crash(),
    ]);
    this.#narrator.value("the TCP connection", `lived on: all of its ${megabytes(bytes)} arrived`);
  }

  async #crash(): Promise<void> {
    const server = this.#programs.get("server")!;
    this.#narrator.command("server", `kill -9 ${server.pid}`);
    await server.stop("SIGKILL");
    this.#narrator.command("server", "simplevpn-server", await this.#startServer());
  }

  /** Waits until a guest has its connection again that it loses in the crash. */
  async #comeBack({ name, inner, client, machine }: Guest, begun: number): Promise<void> {
    await client.waitFor(RECONNECTED, 20_000, client.stderr.length);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const addresses = await machine.run("ip", "-4", "-o", "address");
    if (!addresses.includes(` ${inner}/`)) throw new Error(`The ${name} lost the address ${inner}`);
    const value = `after ${seconds} s, as ${inner}, the address that it had`;
    this.#narrator.value(`${name} is back`, value);
  }

  /** Somebody forgets the server: what a person would see is found by the laptop's doctor. */
  async #findFault(): Promise<void> {
    this.#narrator.step("Somebody stops the server, and the laptop's doctor is asked");
    await this.#programs.get("server")!.stop();
    const { name, machine } = this.#laptop;
    const { stdout } = await machine.try(...clientCommand(name, "doctor"));
    const faults = [...stdout.matchAll(/^FAULT.*(?:\n +.*)*/gm)].map(([text]) => text);
    const shown = faults.flatMap((text) => text.split("\n"));
    this.#narrator.command(name, "simplevpn-client doctor | grep -A 2 FAULT", ...shown);
    const back = [this.#laptop, this.#pi].map((guest) => this.#comeBack(guest, performance.now()));
    this.#narrator.command("server", "simplevpn-server", await this.#startServer());
    await Promise.all(back);
  }

  async #remove(): Promise<void> {
    this.#narrator.step("The pi is not welcome any more");
    const { client } = this.#pi;
    const words = ["peers", "remove", "pi"];
    const begun = performance.now();
    const told = client.stderr.length;
    await this.#server.run(...serverCommand(...words));
    const [, reason] = await client.waitFor(/the server says that (.*)/, undefined, told);
    const milliseconds = Math.round(performance.now() - begun);
    this.#narrator.command("server", `simplevpn-server ${words.join(" ")}`);
    this.#narrator.value("the pi is cut off", `after ${milliseconds} ms, and knows: ${reason}`);
  }

  #summarize(seconds: number): void {
    this.#narrator.step("The same on real machines");
    this.#narrator.command("server", "sudo simplevpn-server");
    this.#narrator.command("server", "sudo simplevpn-server invite NAME");
    this.#narrator.command("others", "sudo simplevpn-client INVITE");
    this.#narrator.say("From a checkout they are: sudo deno task server, sudo deno task client.");
    this.#narrator.say(`This took ${seconds.toFixed(1)} s, and nothing of it stays behind.`);
  }

  #picture(): void {
    const inner = this.#pi.inner === "" ? "" : SERVER_INNER;
    this.#narrator.picture([
      this.#laptop,
      { name: "server", inner, outer: SERVER_OUTER },
      this.#pi,
    ]);
  }
}

/** The server's program, with what follows its name. */
function serverCommand(...words: string[]): string[] {
  return [...program("server"), ...words, "--state", `${STATE}/server`];
}

/** A guest's program, with what follows its name. */
function clientCommand(guest: string, ...words: string[]): string[] {
  return [...program("client"), ...words, "--state", `${STATE}/${guest}`];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

async function stdinClosed(): Promise<never> {
  while (await Deno.stdin.read(new Uint8Array(1)) !== null);
  throw new Interruption();
}

/** Tells the story; returns the exit status. */
async function main(): Promise<number> {
  const obstacle = await labObstacle();
  if (obstacle !== undefined) {
    console.error(`demo: ${obstacle}`);
    return 1;
  }
  const lab = new Lab();
  const story = new Story(lab);
  const failure = await Promise.race([story.tell(), stdinClosed()])
    .then(() => undefined, (error: Error) => ({ error, lastWords: story.lastWords }));
  await lab[Symbol.asyncDispose]();
  return failure === undefined ? 0 : explain(failure);
}

/** Says why the story ended early; returns the exit status. */
function explain({ error, lastWords }: { error: Error; lastWords: string[] }): number {
  if (error instanceof Interruption) {
    console.error("\ndemo: interrupted; nothing of it stays behind");
    return INTERRUPTED;
  }
  console.error([`\ndemo: ${error.message.trim()}`, ...lastWords].join("\n"));
  return 1;
}

Deno.exit(await main());
