/** What a running service may not do, whatever its unit says. */
import { assertEquals, assertMatch } from "@std/assert";
import { CLIENT, SERVER, STATE } from "./service_scene.ts";
import type { SystemdMachine } from "./systemd_machine.ts";

/** CAP_NET_ADMIN, which is 12, and CAP_NET_BIND_SERVICE, which is 10, as /proc has them. */
const CAPABILITIES = { [SERVER]: "0000000000001400", [CLIENT]: "0000000000001000" };

/** Asserts whom a service runs as, and with which capabilities. */
export async function assertUnprivileged(
  machine: SystemdMachine,
  unit: typeof SERVER | typeof CLIENT,
): Promise<void> {
  const { MainPID } = await machine.show(unit);
  const status = await machine.run("cat", `/proc/${MainPID}/status`);
  const user = (await machine.run("id", "-u", "simplevpn")).trim();
  assertMatch(status, new RegExp(`^Uid:(\t${user}){4}$`, "m"));
  for (const set of ["Eff", "Prm", "Bnd", "Amb"]) {
    assertMatch(status, new RegExp(`^Cap${set}:\t${CAPABILITIES[unit]}$`, "m"));
  }
  assertMatch(status, /^NoNewPrivs:\t1$/m);
  assertMatch(status, /^Seccomp:\t2$/m);
  assertEquals(await machine.run("find", STATE, "!", "-user", "simplevpn"), "");
}

/** Asserts that where a service is even root can write nothing but its state. */
export async function assertReadOnly(machine: SystemdMachine, unit: string): Promise<void> {
  const { MainPID } = await machine.show(unit);
  const touched = async (folder: string): Promise<string> => {
    const inside = ["nsenter", `--target=${MainPID}`, "--mount", "touch", `${folder}/probe`];
    return (await machine.try(...inside)).stderr;
  };
  assertEquals(await touched(STATE), "");
  for (const folder of ["/etc", "/usr/local/bin", "/var/lib", "/run", "/run/lock"]) {
    assertMatch(await touched(folder), /Read-only file system/, folder);
  }
  await machine.run("rm", `${STATE}/probe`);
}

/** Asserts that a service may open no device but the few that are harmless, and /dev/net/tun. */
export async function assertNoDevices(machine: SystemdMachine, unit: string): Promise<void> {
  const { ControlGroup } = await machine.show(unit);
  const opens = async (cgroup: string): Promise<boolean> => {
    const script = 'echo $$ >"/sys/fs/cgroup$1/cgroup.procs" && : <"$2"';
    return (await machine.try("sh", "-c", script, "sh", cgroup, "/root/probe")).success;
  };
  // The kernel's log.
  await machine.run("mknod", "/root/probe", "c", "1", "11");
  assertEquals(await opens("/init.scope"), true);
  assertEquals(await opens(ControlGroup!), false);
  await machine.run("rm", "/root/probe");
}
