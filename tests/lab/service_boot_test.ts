/**
 * The services that `install` makes, on machines that a real systemd runs: with its journal, a system bus,
 * systemd-resolved and polkit. Compiled programs only, since no others can be installed.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { addInternet, gatewayState, INTERNET, SERVER_OUTSIDE, whoAmI } from "./gateway_lab.ts";
import { eventually } from "./inspection.ts";
import {
  DOWNLOADS,
  SYSTEMD_COMMANDS,
  SYSTEMD_OBSTACLE,
  SystemdMachine,
} from "./systemd_machine.ts";
import { type ClientMachine, labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

/** Addresses that the DNS servers inside and outside the tunnel give for all names. */
const [INNER_ANSWER, OUTER_ANSWER] = ["10.9.9.9", "192.0.2.99"];

/** CAP_NET_ADMIN, which is 12, as /proc has it. */
const NET_ADMIN = "0000000000001000";

const SERVER = "simplevpn-server";
const CLIENT = "simplevpn-client";

/** What a service is allowed to leave: the user, and what tools of the distribution note about users. */
const KEPT = /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid|\.pwd\.lock)?-? /;

class Scene implements AsyncDisposable {
  private constructor(
    readonly lab: TunnelLab,
    readonly client: ClientMachine,
    readonly server: SystemdMachine,
    /** The client's machine. */
    readonly box: SystemdMachine,
  ) {}

  static async open(): Promise<Scene> {
    const lab = await TunnelLab.open();
    const client = await lab.addClient();
    const [server, box] = await Promise.all([
      SystemdMachine.boot(lab.lab, lab.server),
      SystemdMachine.boot(lab.lab, client.machine),
    ]);
    return new Scene(lab, client, server, box);
  }

  /** Sets both up as the README says. */
  async install(serverOptions: readonly string[], clientOptions: readonly string[]): Promise<void> {
    await this.server.run(`${DOWNLOADS}/${SERVER}`, "install", ...serverOptions);
    const host = ["--host", this.client.server, "--no-qr"];
    const invite = (await this.server.run(SERVER, "invite", "pi", ...host)).trim();
    await this.box.run(`${DOWNLOADS}/${CLIENT}`, "install", invite, ...clientOptions);
    await this.connected();
  }

  /** Waits until the client's service says that it is connected, and pings the server. */
  async connected(): Promise<void> {
    const status = `Connected to ${this.client.server} as 10.0.0.2`;
    const said = await eventually(
      async () => (await this.box.show(CLIENT)).StatusText,
      (said) => said === status,
      60_000,
    );
    assertEquals(said, status, JSON.stringify(await this.box.journal(CLIENT)));
    await this.box.run("ping", "-c", "2", "-i", "0.2", "-W", "5", "10.0.0.1");
  }

  /** Has a DNS server answer all names with one address, at an address of the server. */
  async serveNames(address: string, answer: string): Promise<void> {
    const file = new URL("dns_server.py", import.meta.url).pathname;
    await this.lab.server.start(["python3", file, address, answer]).waitFor(/listening/);
  }

  /** The address that a program of the client's machine finds for a name. */
  async lookUp(name: string): Promise<string> {
    return (await this.box.try("getent", "ahostsv4", name)).stdout.split(" ")[0]!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}

/** A test of the compiled programs with a server's and a client's machine, both of which have booted. */
async function bootTest(
  name: string,
  commands: readonly string[],
  fn: (scene: Scene) => Promise<void>,
): Promise<void> {
  if (SOURCE !== "compiled") return;
  const run = async (): Promise<void> => {
    await using scene = await Scene.open();
    await fn(scene);
  };
  await labTest(name, [...SYSTEMD_COMMANDS, "ping", ...commands], run, SYSTEMD_OBSTACLE);
}

/** Asserts whom a service runs as, and what it may do. */
async function assertBounded(machine: SystemdMachine, unit: string): Promise<void> {
  const { MainPID, ControlGroup } = await machine.show(unit);
  const status = await machine.run("cat", `/proc/${MainPID}/status`);
  const user = (await machine.run("id", "-u", "simplevpn")).trim();
  assertMatch(status, new RegExp(`^Uid:(\t${user}){4}$`, "m"));
  for (const set of ["Eff", "Prm", "Bnd", "Amb"]) {
    assertMatch(status, new RegExp(`^Cap${set}:\t${NET_ADMIN}$`, "m"));
  }
  assertMatch(status, /^NoNewPrivs:\t1$/m);
  assertMatch(status, /^Seccomp:\t2$/m);

  const touches = async (path: string): Promise<string> => {
    const inside = ["nsenter", `--target=${MainPID}`, "--mount", "touch", `${path}/probe`];
    return (await machine.try(...inside)).stderr;
  };
  assertEquals(await touches("/var/lib/simplevpn"), "");
  for (const folder of ["/etc", "/usr/local/bin", "/var/lib", "/run", "/run/lock"]) {
    assertMatch(await touches(folder), /Read-only file system/, folder);
  }
  await machine.run("rm", "/var/lib/simplevpn/probe");

  // Not a device that every service may open, as /dev/null: the kernel's log.
  const opens = async (cgroup: string): Promise<boolean> => {
    const script =
      'echo $$ >"/sys/fs/cgroup$1/cgroup.procs" && test -e "$2" && (: <"$2") 2>/dev/null';
    return (await machine.try("sh", "-c", script, "sh", cgroup, "/root/probe")).success;
  };
  await machine.run("mknod", "/root/probe", "c", "1", "11");
  assertEquals(await opens("/init.scope"), true);
  assertEquals(await opens(ControlGroup!), false);
  await machine.run("rm", "/root/probe");
}

await bootTest(
  "as the manual says, two services run, are bounded, look up names, and are removed without a trace",
  ["python3"],
  async (scene) => {
    const { server, box, client } = scene;
    await box.write(
      "/etc/systemd/resolved.conf",
      `[Resolve]\nDNS=${client.server}\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\n`,
    );
    await box.run("systemctl", "restart", "systemd-resolved");
    const before = [await server.changedFiles(), await box.changedFiles()];
    await scene.install(["--dns", "10.0.0.1", "--search", "lab.example"], []);

    const shown = await server.run("systemctl", "--no-pager", "status", SERVER);
    assertMatch(shown, /Active: active \(running\)/);
    assertMatch(shown, /Status: "Serving 10\.0\.0\.0\/16 on simplevpn0"/);
    await assertBounded(server, SERVER);
    await assertBounded(box, CLIENT);

    await scene.serveNames(client.server, OUTER_ANSWER);
    await scene.serveNames("10.0.0.1", INNER_ANSWER);
    assertEquals(await scene.lookUp("www.lab.example"), INNER_ANSWER);
    assertEquals(await scene.lookUp("www.elsewhere.example"), OUTER_ANSWER);
    await box.run("systemctl", "stop", CLIENT);
    assertEquals(await scene.lookUp("www.lab.example"), OUTER_ANSWER);
    const lines = await box.journal(CLIENT);
    assertEquals(lines.filter(({ priority }) => priority < 6), []);
    assert(
      lines.some(({ message, identifier }) =>
        identifier === CLIENT && message === "DNS: 10.0.0.1 for lab.example, by systemd-resolved"
      ),
    );

    await box.run(CLIENT, "uninstall", "--purge");
    await server.run(SERVER, "uninstall", "--purge");
    const after = [await server.changedFiles(), await box.changedFiles()];
    const news = after.map((files, i) => files.filter((file) => !before[i]!.includes(file)));
    assertEquals(news.map((files) => files.filter((file) => !KEPT.test(file))), [[], []]);
  },
);

/** What systemd says of a service that was started anew, once it is another process than before. */
async function restarted(
  machine: SystemdMachine,
  unit: string,
  act: (pid: string) => Promise<unknown>,
): Promise<string> {
  const { MainPID } = await machine.show(unit);
  await act(MainPID!);
  const { ActiveState, MainPID: pid } = await eventually(
    () => machine.show(unit),
    ({ ActiveState, MainPID: pid }) => ActiveState === "active" && pid !== MainPID,
    60_000,
  );
  assertEquals(ActiveState, "active");
  assert(pid !== MainPID);
  const lines = await machine.run("journalctl", "--output=cat", "--unit", unit);
  return lines;
}

await bootTest(
  "services that are killed, that hang, or whose machines lose their power are back by themselves",
  [],
  async (scene) => {
    const { server, box } = scene;
    const dropIn = `/etc/systemd/system/${CLIENT}.service.d/watchdog.conf`;
    await box.write(dropIn, "[Service]\nWatchdogSec=4\nRestartSec=0.5\n");
    await scene.install(["--route", "203.0.113.0/24"], []);
    const routing = async (): Promise<string> =>
      await box.run("ip", "-brief", "route") + await box.run("ip", "rule");
    const routes = await routing();
    assertMatch(routes, /203\.0\.113\.0\/24 dev simplevpn0/);

    const killed = await restarted(box, CLIENT, (pid) => box.run("kill", "-9", pid));
    assertMatch(killed, /Main process exited, code=killed, status=9\/KILL/);
    await scene.connected();
    assertEquals(await routing(), routes);

    const halted = await restarted(box, CLIENT, (pid) => box.run("kill", "-STOP", pid));
    assertMatch(halted, /Watchdog timeout/);
    await scene.connected();
    assertEquals(await routing(), routes);

    await Promise.all([server.cutPower(), box.cutPower()]);
    await scene.connected();
    assertEquals(await routing(), routes);
  },
);

await bootTest(
  "bounded as it is, a service is a gateway, or all of its machine's way out, and reads its file anew",
  ["python3", "nft"],
  async (scene) => {
    const { lab, client, server, box } = scene;
    const file = "/etc/simplevpn/server.toml";
    await addInternet(lab);
    const machines = [lab.server, client.machine];
    const before = await Promise.all(machines.map(machineState));
    await server.write(file, "nat = true\n");
    await scene.install(["--config", file], ["--full-tunnel"]);
    assertEquals(await whoAmI(client.machine, "tcp", INTERNET[0]), SERVER_OUTSIDE[0]);
    assertEquals(await whoAmI(client.machine, "udp", INTERNET[1]), SERVER_OUTSIDE[1]);

    await server.write(file, 'nat = true\ndns = "10.0.0.1"\n');
    await server.run("systemctl", "reload", SERVER);
    const dns = await eventually(
      () => box.run("resolvectl", "dns", "simplevpn0"),
      (dns) => dns.includes("10.0.0.1"),
    );
    assertMatch(dns, /10\.0\.0\.1/);
    await server.write(file, "nat = perhaps\n");
    assertEquals((await server.try("systemctl", "reload", SERVER)).success, false);
    const refused = await server.journal(SERVER);
    assert(
      refused.some(({ priority, message }) => priority === 3 && message.includes(`${file}:1`)),
    );
    await scene.connected();

    await box.run("systemctl", "stop", CLIENT);
    await server.run("systemctl", "stop", SERVER);
    assertEquals(await Promise.all(machines.map(machineState)), before);
  },
);

/** All that a gateway or a full tunnel changes on its machine. */
async function machineState(machine: Machine): Promise<string> {
  const routing = ["-4", "-6"].flatMap((family) => [
    machine.run("ip", family, "route", "show", "table", "all"),
    machine.run("ip", family, "rule"),
  ]);
  const parts = await Promise.all([gatewayState(machine), ...routing]);
  // The kernel has some of its own only a moment after a cable is plugged in.
  return parts.join("\n").split("\n").filter((line) => !line.includes("proto kernel")).join("\n");
}
