/** Services that change their machines' routes, packet filters and DNS, on machines that a real systemd runs. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { addInternet, gatewayState, INTERNET, SERVER_OUTSIDE, whoAmI } from "./gateway_lab.ts";
import { eventually } from "./inspection.ts";
import {
  CLIENT,
  DOWNLOADED_SERVER,
  SERVER,
  type ServiceScene,
  serviceTest,
} from "./service_scene.ts";
import type { SystemdMachine } from "./systemd_machine.ts";

await serviceTest(
  "bounded as it is, a service is a gateway, or all of its machine's way out, and reads its file anew",
  ["python3", "nft", "setpriv"],
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
    await assertReloaded(scene, /\): 10\.0\.0\.1$/);
    // What the rule gives to one user it gives to no other.
    const others = ["setpriv", "--reuid=daemon", "--clear-groups", "resolvectl"];
    const { stderr } = await box.try(...others, "dns", "simplevpn0", "10.0.0.7");
    assertMatch(stderr, /Interactive authentication required/);
    await server.write(file, "nat = true\n");
    await assertReloaded(scene, /\):$/);
    await server.write(file, "nat = perhaps\n");
    assertEquals((await server.try("systemctl", "reload", SERVER)).success, false);
    await server.logged(
      SERVER,
      ({ priority, message }) => priority === 3 && message.includes(`${file}:1`),
    );
    await scene.connected();
    await server.write(file, "nat = true\n");

    await box.run("systemctl", "stop", CLIENT);
    await server.run("systemctl", "stop", SERVER);
    assertEquals(await Promise.all(machines.map(machineState)), before);
    await assertReasonTold(server, file);
    await assertUpgraded(scene);
    await assertUndone(server);
    await box.run(CLIENT, "uninstall");
    assertEquals(await Promise.all(machines.map(machineState)), before);
  },
);

/** Has the server read its file anew, and waits for the DNS servers that its client then has. */
async function assertReloaded({ server, box }: ServiceScene, servers: RegExp): Promise<void> {
  await server.run("systemctl", "reload", SERVER);
  const dns = await eventually(
    async () => (await box.run("resolvectl", "dns", "simplevpn0")).trim(),
    (dns) => servers.test(dns),
  );
  assertMatch(dns, servers);
}

/** Asserts that who installs a service that cannot start hears why, from its log. */
async function assertReasonTold(server: SystemdMachine, file: string): Promise<void> {
  await server.run("chmod", "600", file);
  const { code, stderr } = await server.try(DOWNLOADED_SERVER, "install");
  assertMatch(stderr, /^simplevpn-server: .* does not start: Cannot read .*server\.toml.*\n$/);
  assertEquals(code, 1);
  await server.run("chmod", "644", file);
}

/** Asserts that to install both anew changes no options, and says what is missing by now. */
async function assertUpgraded(scene: ServiceScene): Promise<void> {
  const { server, box } = scene;
  await server.run(DOWNLOADED_SERVER, "install");
  await box.run("systemctl", "disable", "--now", "systemd-resolved");
  const said = await box.run(`/usr/local/bin/${CLIENT}`, "install");
  assertMatch(said, /^With the options that it has: --full-tunnel$/m);
  assertMatch(
    said,
    /^If the server tells DNS servers, the service cannot set them yet: for that run "apt-get install systemd-resolved", then "simplevpn-client install" again$/m,
  );
  await scene.connected();
}

/** Asserts that to uninstall a gateway that was killed puts its machine back. */
async function assertUndone(server: SystemdMachine): Promise<void> {
  await server.write(
    `/etc/systemd/system/${SERVER}.service.d/once.conf`,
    "[Service]\nRestart=no\n",
  );
  await server.run("systemctl", "daemon-reload");
  await server.run("systemctl", "kill", "--signal=KILL", SERVER);
  const { ActiveState } = await eventually(
    () => server.show(SERVER),
    ({ ActiveState }) => ActiveState === "failed",
  );
  assertEquals(ActiveState, "failed");
  assertMatch(await server.run(SERVER, "uninstall"), /^Undone: forwarding and its packet filter$/m);
}

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
