/** Programs that are run at events: what they are told, when, and that they can stop nothing. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertOneLine, ending, eventually } from "./inspection.ts";
import { connected, labTest, TunnelLab } from "./tunnel_lab.ts";

/** A program that notes its environment, one line for each run, in a file. */
class Recorder {
  readonly path: string;
  readonly #notes: string;

  /** @param script what else it does, in sh */
  constructor(lab: TunnelLab, name: string, script = "") {
    this.path = `${lab.lab.folder}/${name}`;
    this.#notes = `${this.path}.notes`;
    const note = `env | sort | tr '\\n' ';' >> '${this.#notes}'; echo >> '${this.#notes}'`;
    Deno.writeTextFileSync(this.path, `#!/bin/sh\n${note}\n${script}\n`, { mode: 0o755 });
    Deno.writeTextFileSync(this.#notes, "");
  }

  /** The environments so far, what the shell itself adds left out. */
  get runs(): Record<string, string>[] {
    const lines = Deno.readTextFileSync(this.#notes).split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const pairs = line.split(";").filter((pair) => pair !== "" && !/^(PWD|SHLVL|_)=/.test(pair));
      return Object.fromEntries(pairs.map((pair) => [pair.split("=", 1)[0], after(pair)]));
    });
  }

  /** Waits for so many runs, and gives their environments. */
  async waitFor(count: number): Promise<Record<string, string>[]> {
    const runs = await eventually(
      () => Promise.resolve(this.runs),
      ({ length }) => length >= count,
      20_000,
    );
    assertEquals(runs.length, count, JSON.stringify(runs));
    return runs;
  }

  get events(): (string | undefined)[] {
    return this.runs.map(({ SIMPLEVPN_EVENT }) => SIMPLEVPN_EVENT);
  }
}

function after(pair: string): string {
  return pair.slice(pair.indexOf("=") + 1);
}

const CLEAN = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
};

await labTest("hooks of both programs are told all about the tunnel and the peer", [], async () => {
  await using lab = await TunnelLab.open();
  const hook = new Recorder(lab, "server hook $(touch gotcha);`id`");
  const own = new Recorder(lab, "client-hook");
  const client = await lab.addClient();
  const server = await lab.startSecureServer(
    ...["--up", hook.path, "--down", hook.path, "--network", "10.0.0.0/16"],
    ...["--on-connect", hook.path, "--on-disconnect", hook.path, "--network", "fd01::/64"],
    ...["--dns", "10.0.0.1", "--search", "a.example", "--search", "b.example", "--tun", "vpn0"],
    ...["--route", "192.168.7.0/24"],
  );
  const tunnel = {
    ...CLEAN,
    SIMPLEVPN_TUN: "vpn0",
    SIMPLEVPN_NETWORK: "10.0.0.0/16",
    SIMPLEVPN_NETWORK6: "fd01::/64",
  };
  const [up] = await hook.waitFor(1);
  const pushed = {
    SIMPLEVPN_MTU: up!.SIMPLEVPN_MTU!,
    SIMPLEVPN_ROUTES: "192.168.7.0/24",
    SIMPLEVPN_DNS: "10.0.0.1",
    SIMPLEVPN_DOMAINS: "a.example b.example",
  };
  const ofServer = {
    ...tunnel,
    ...pushed,
    SIMPLEVPN_ADDRESS: "10.0.0.1",
    SIMPLEVPN_ADDRESS6: "fd01::1",
  };
  assertEquals(up, { ...ofServer, SIMPLEVPN_EVENT: "up" });

  const invite = await lab.invite(client, "pi", "--route", "192.168.9.0/24");
  const options = ["--no-dns", "--up", own.path, "--down", own.path, "--tcp", "--tun", "vpn1"];
  const process = client.machine.start(lab.secureCommand(client, invite, ...options));
  await connected(process);
  const [ofClient] = await own.waitFor(1);
  assertEquals(ofClient, {
    ...tunnel,
    ...pushed,
    SIMPLEVPN_EVENT: "up",
    SIMPLEVPN_TUN: "vpn1",
    SIMPLEVPN_MTU: ofClient!.SIMPLEVPN_MTU!,
    SIMPLEVPN_ADDRESS: "10.0.0.2",
    SIMPLEVPN_ADDRESS6: "fd01::2",
    SIMPLEVPN_PEER: "pi",
    SIMPLEVPN_OUTER: `${client.server}:2002`,
    SIMPLEVPN_CARRIER: "tcp",
  });
  assertMatch(ofClient!.SIMPLEVPN_MTU!, /^[0-9]+$/);

  const [, connect] = await hook.waitFor(2);
  const [key] = (await lab.manage("peers", "list", "--json")).match(/[A-Za-z0-9+/]{43}=/)!;
  const peer = {
    ...tunnel,
    SIMPLEVPN_PEER: "pi",
    SIMPLEVPN_PEER_KEY: key,
    SIMPLEVPN_ADDRESS: "10.0.0.2",
    SIMPLEVPN_ADDRESS6: "fd01::2",
    SIMPLEVPN_ROUTES: "192.168.9.0/24",
    SIMPLEVPN_OUTER: client.host,
  };
  assertEquals(connect, { ...peer, SIMPLEVPN_EVENT: "connect" });

  assertEquals((await process.stop()).code, 0, process.stderr);
  assertEquals(own.events, ["up", "down"]);
  assertEquals(own.runs[1], { ...ofClient, SIMPLEVPN_EVENT: "down" });
  const [, , disconnect] = await hook.waitFor(3);
  const { SIMPLEVPN_REASON, ...left } = disconnect!;
  assertEquals(left, { ...peer, SIMPLEVPN_EVENT: "disconnect" });
  assert(SIMPLEVPN_REASON!.length > 0);

  assertEquals((await server.stop()).code, 0, server.stderr);
  assertEquals(hook.events, ["up", "connect", "disconnect", "down"]);
  assertEquals(hook.runs[3], { ...ofServer, SIMPLEVPN_EVENT: "down" });
});

await labTest("a server that ends runs --on-disconnect for all who are there", [], async () => {
  await using lab = await TunnelLab.open();
  const hook = new Recorder(lab, "hook");
  const server = await lab.startServer("--on-disconnect", hook.path);
  const [secure, classic] = [await lab.addClient(), await lab.addClient()];
  await lab.join(secure, "pi");
  const { address } = await lab.startClient(classic);
  assertEquals((await server.stop()).code, 0, server.stderr);
  const gone = hook.runs.map((run) => [run.SIMPLEVPN_EVENT, run.SIMPLEVPN_PEER ?? ""].join(" "));
  assertEquals(gone.toSorted(), ["disconnect ", "disconnect pi"]);
  assertEquals(
    hook.runs.find((run) => run.SIMPLEVPN_ADDRESS === address)?.SIMPLEVPN_PEER_KEY,
    undefined,
  );
});

await labTest("a lost connection runs no hook; other settings run --up once more", [], async () => {
  await using lab = await TunnelLab.open();
  const hook = new Recorder(lab, "hook");
  const server = await lab.startSecureServer();
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi", "--up", hook.path, "--down", hook.path);
  await hook.waitFor(1);
  let from = process.stderr.length;
  await server.stop();
  const second = await lab.startSecureServer();
  await connected(process, 30_000, from);
  from = process.stderr.length;
  await second.stop();
  await lab.startSecureServer("--route", "192.168.7.0/24");
  await connected(process, 30_000, from);
  const [up, change] = await hook.waitFor(2);
  assertEquals([up!.SIMPLEVPN_EVENT, up!.SIMPLEVPN_ROUTES], ["up", undefined]);
  assertEquals([change!.SIMPLEVPN_EVENT, change!.SIMPLEVPN_ROUTES], ["change", "192.168.7.0/24"]);
  await process.stop();
  assertEquals(hook.events, ["up", "change", "down"]);
});

await labTest("--down runs when the server ends a client for good, too", [], async () => {
  await using lab = await TunnelLab.open();
  const hook = new Recorder(lab, "hook");
  await lab.startSecureServer();
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi", "--down", hook.path);
  await lab.manage("peers", "remove", "pi");
  assertEquals((await ending(process)).code, 1, process.stderr);
  assertEquals(hook.events, ["down"]);
});

await labTest("a hook that takes too long is killed with what it started", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const hook = new Recorder(lab, "hook", "sleep 1234 &\nsleep 1235");
  const options = ["--on-connect", hook.path, "--hook-timeout", "1.5"];
  const server = await lab.startSecureServer(...options);
  const { address } = await lab.join(client, "pi");
  await hook.waitFor(1);
  // Nobody waits for it meanwhile.
  await lab.server.run("ping", "-c", "1", "-w", "5", address);
  await server.waitFor(/hook \(connect\) failed: .* did not end within 1\.5 s/);
  const pids = (await lab.server.run("ip", "netns", "pids", lab.server.namespace)).split("\n");
  const commands = pids.filter((pid) => pid !== "").map((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
    } catch {
      return "";
    }
  });
  assertEquals(commands.filter((command) => /^sleep 123/.test(command)), []);
});

await labTest("what a hook prints is logged line by line, and obeyed by nobody", [], async () => {
  await using lab = await TunnelLab.open();
  const script = "printf 'one\\ntwo \\033[31mred\\007\\rthree\\n' >&2\nseq 1 100\nexit 7";
  const hook = new Recorder(lab, "hook", script);
  const server = await lab.startSecureServer("--up", hook.path);
  await server.waitFor(/hook \(up\) ended with status 7/);
  assertMatch(server.stderr, /WARNING .*hook \(up\) ended with status 7/);
  assertMatch(server.stderr, /INFO .*hook \(up\): 1\n/);
  assertMatch(server.stderr, /hook \(up\): 53 more lines\n/);
  assert(!/\p{Cc}/u.test(server.stderr.replaceAll("\n", "")), JSON.stringify(server.stderr));

  const few = new Recorder(lab, "few", script.replace("seq 1 100", ""));
  const client = await lab.addClient();
  const { process } = await lab.join(client, "pi", "--up", few.path);
  await process.waitFor(/few \(up\): one\n[^]*: two \?\[31mred\?\n[^]*: three\n[^]*status 7/);
  assertEquals((await process.stop()).code, 0, process.stderr);
});

await labTest(
  "a client that comes and goes all the time costs no more than one program",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const hook = new Recorder(lab, "hook", "sleep 3");
    const server = await lab.startSecureServer(
      "--on-connect",
      hook.path,
      "--on-disconnect",
      hook.path,
    );
    const client = await lab.addClient();
    const { process } = await lab.join(client, "pi");
    await process.stop();
    for (let i = 0; i < 3; i++) {
      const again = client.machine.start(lab.secureCommand(client));
      await connected(again);
      await again.stop();
    }
    await server.waitFor(/(pi .*left[^]*){4}/);
    await hook.waitFor(2);
    assertEquals((await server.stop()).code, 0, server.stderr);
    assertEquals(hook.events, ["connect", "disconnect"]);
  },
);

await labTest("a hook that cannot be used is refused at the start, in one line", [], async () => {
  await using lab = await TunnelLab.open();
  const hook = new Recorder(lab, "hook");
  await Deno.chmod(hook.path, 0o644);
  const server = lab.server.start(lab.serverCommand("--on-connect", hook.path));
  assertMatch(
    (await ending(server)).stderr,
    /Cannot use --on-connect .*hook: it is not executable/,
  );
  const client = await lab.addClient();
  const relative = lab.launchClient(client, "--up", "./hook");
  assertOneLine(await ending(relative), 2, /--up: "\.\/hook" is no absolute path/);
  const missing = lab.launchClient(client, "--down", "/no/such/hook");
  assertOneLine(await ending(missing), 1, /Cannot use --down \/no\/such\/hook: No such file/);
});
