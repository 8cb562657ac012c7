/**
 * The services that `install` makes, on machines that a real systemd runs: with its journal, a system bus,
 * systemd-resolved and polkit.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertOneLine, eventually } from "./inspection.ts";
import { assertNoDevices, assertReadOnly, assertUnprivileged } from "./service_bounds.ts";
import {
  CLIENT,
  DOWNLOADED_CLIENT,
  DOWNLOADED_SERVER,
  SERVER,
  type ServiceScene,
  serviceTest,
  STATE,
} from "./service_scene.ts";
import type { SystemdMachine } from "./systemd_machine.ts";

/** Addresses that the DNS servers inside and outside the tunnel give for all names. */
const [INNER_ANSWER, OUTER_ANSWER] = ["10.9.9.9", "192.0.2.99"];

/** Files that know of users, of which the service's stays. */
const USER_FILES = /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid|\.pwd\.lock)-? /;

await serviceTest(
  "two services run as the manual says, bounded, look up names, and are removed without a trace",
  ["python3"],
  async (scene) => {
    const { server, box, client } = scene;
    await box.write(
      "/etc/systemd/resolved.conf",
      `[Resolve]\nDNS=${client.server}\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\n`,
    );
    await box.run("systemctl", "restart", "systemd-resolved");
    const before = [await server.changedFiles(), await box.changedFiles()];
    const uninvited = await box.try(DOWNLOADED_CLIENT, "install");
    assertOneLine(uninvited, 1, /has not joined a network yet.*install INVITE/);
    assertEquals(await box.changedFiles(), before[1]);
    // What root's own runs left goes on.
    await server.run(DOWNLOADED_SERVER, "invite", "earlier", "--no-qr");
    await scene.install(["-p", "443", "--dns", "10.0.0.1", "--search", "lab.example"], []);

    const shown = await server.run("systemctl", "--no-pager", "status", SERVER);
    assertMatch(shown, /Active: active \(running\)/);
    assertMatch(shown, /Status: "Serving 10\.0\.0\.0\/16 on simplevpn0"/);
    for (const [machine, unit] of [[server, SERVER], [box, CLIENT]] as const) {
      await assertUnprivileged(machine, unit);
      await assertReadOnly(machine, unit);
      await assertNoDevices(machine, unit);
    }
    assertEquals((await box.try("ls", `${STATE}/invite`)).success, false);
    assertMatch(await server.run(SERVER, "peers", "list"), /earlier/);

    await assertNames(scene);
    await box.run(CLIENT, "uninstall", "--purge");
    await server.run(SERVER, "uninstall", "--purge");
    const after = [await server.changedFiles(), await box.changedFiles()];
    const news = after.map((files, i) => files.filter((file) => !before[i]!.includes(file)));
    assertEquals(news.map((files) => files.filter((file) => !USER_FILES.test(file))), [[], []]);
  },
);

/** Asserts that names are looked up by the DNS server inside while the client's service runs, and says so. */
async function assertNames(scene: ServiceScene): Promise<void> {
  const { box, client } = scene;
  await scene.serveNames(client.server, OUTER_ANSWER);
  await scene.serveNames("10.0.0.1", INNER_ANSWER);
  await scene.assertFinds("www.lab.example", INNER_ANSWER);
  await scene.assertFinds("www.elsewhere.example", OUTER_ANSWER);
  await box.run("systemctl", "stop", CLIENT);
  await scene.assertFinds("www.lab.example", OUTER_ANSWER);
  const said = "DNS: 10.0.0.1 for lab.example, by systemd-resolved";
  await box.logged(
    CLIENT,
    ({ message, identifier, priority }) =>
      message === said && identifier === CLIENT && priority === 6,
  );
  assertEquals((await box.journal(CLIENT)).filter(({ priority }) => priority < 4), []);
}

/** Does something to a service's process, and waits until it is another, and systemd has said why. */
async function assertRestarts(
  machine: SystemdMachine,
  unit: string,
  act: (pid: string) => Promise<unknown>,
  reason: RegExp,
): Promise<void> {
  const { MainPID } = await machine.show(unit);
  await act(MainPID!);
  const { ActiveState, MainPID: pid } = await eventually(
    () => machine.show(unit),
    ({ ActiveState, MainPID: pid }) => ActiveState === "active" && pid !== MainPID,
    60_000,
  );
  assertEquals(ActiveState, "active");
  assert(pid !== MainPID);
  await machine.logged(unit, ({ message }) => reason.test(message));
}

/** Asserts that a service that does not hang tells systemd so. */
async function assertGivesSigns(machine: SystemdMachine, unit: string): Promise<void> {
  const before = await machine.show(unit);
  const after = await eventually(
    () => machine.show(unit),
    (now) => now.WatchdogTimestampMonotonic !== before.WatchdogTimestampMonotonic,
  );
  assert(Number(after.WatchdogTimestampMonotonic) > Number(before.WatchdogTimestampMonotonic));
  assertEquals(after.MainPID, before.MainPID);
}

/** Less patience than a service is given, but still some. */
const IMPATIENT = "[Service]\nWatchdogSec=4\nRestartSec=0.5\nTimeoutStopSec=1\n";

/** A program that takes longer to end than that allows. */
const [HOOK, HOOK_TEXT] = ["/usr/local/bin/down", `#!/bin/sh\nsleep 1.5\ntouch ${STATE}/down\n`];

await serviceTest(
  "services that are killed, that hang, or whose machines lose their power are back by themselves",
  [],
  async (scene) => {
    const { server, box } = scene;
    for (const [machine, unit] of [[server, SERVER], [box, CLIENT]] as const) {
      await machine.write(`/etc/systemd/system/${unit}.service.d/impatient.conf`, IMPATIENT);
    }
    await box.write(HOOK, HOOK_TEXT);
    await box.run("chmod", "755", HOOK);
    const logFile = "/var/log/simplevpn/server.log";
    await scene.install(
      ["--route", "203.0.113.0/24", "--log-file", logFile],
      ["--log-level", "debug", "--down", HOOK],
    );
    assertMatch(await server.run("cat", logFile), /Listening on TCP and UDP port 2002/);
    await box.logged(CLIENT, ({ priority }) => priority === 7);
    const routing = async (): Promise<string> =>
      await box.run("ip", "-brief", "route") + await box.run("ip", "rule");
    const routes = await routing();
    assertMatch(routes, /203\.0\.113\.0\/24 dev simplevpn0/);

    await assertRestarts(box, CLIENT, (pid) => box.run("kill", "-9", pid), /status=9\/KILL/);
    await scene.connected();
    assertEquals(await routing(), routes);

    await assertRestarts(box, CLIENT, (pid) => box.run("kill", "-STOP", pid), /Watchdog timeout/);
    await scene.connected();
    assertEquals(await routing(), routes);
    await assertGivesSigns(server, SERVER);

    await Promise.all([server.cutPower(), box.cutPower()]);
    await scene.connected();
    assertEquals(await routing(), routes);

    await box.run("systemctl", "stop", CLIENT);
    assertEquals((await box.show(CLIENT)).Result, "success");
    await box.run("ls", `${STATE}/down`);
  },
);
