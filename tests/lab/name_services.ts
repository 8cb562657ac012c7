/** Machines whose names are looked up in one way or another; each has an /etc, and so on, of its own. */
import { assertEquals, assertMatch } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import { withFile } from "./mounts.ts";

/** Where name_services.sh unpacks what is not to be installed on this machine. */
export const PACKAGES = "/opt/simplevpn-lab";

/** What of /etc the C library and the programs need. */
const COPIED = ["passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "ssl", "alternatives"];

/** Numbers of users that these machines have. */
export const USERS = { "systemd-resolve": 64099, polkitd: 64100, simplevpn: 64101 };

/** What is in the way of tests that need what name_services.sh unpacks; undefined if nothing is. */
export function unpackedObstacle(
  name: "systemd-resolved" | "polkitd" | "openresolv" | "resolvconf",
): string | undefined {
  try {
    Deno.statSync(`${PACKAGES}/${name}`);
    return undefined;
  } catch {
    return "tests/lab/name_services.sh";
  }
}

/** A machine's own /etc, /run and so on, for commands that `wrap()` gives. */
export class NameServices {
  readonly etc: string;
  readonly #folder: string;
  readonly #mounts: [target: string, file: string][];

  private constructor(folder: string) {
    this.#folder = folder;
    this.etc = `${folder}/etc`;
    const targets = ["/etc", "/run", "/usr/local/sbin", "/usr/share/polkit-1"];
    this.#mounts = targets.map((target) => [target, `${folder}${target}`]);
  }

  /** @param folder for its files, which is made */
  static async make(folder: string): Promise<NameServices> {
    const services = new NameServices(folder);
    for (const [, path] of services.#mounts) await Deno.mkdir(path, { recursive: true });
    for (const name of COPIED) {
      await new Deno.Command("cp", { args: ["-a", `/etc/${name}`, services.etc] }).output();
    }
    for (const [name, id] of Object.entries(USERS)) await services.#addUser(name, id);
    // Whatever this machine has of these is not there, as far as anybody can tell.
    for (const name of ["resolvconf", "resolvectl"]) {
      await Deno.writeTextFile(`${folder}/usr/local/sbin/${name}`, ABSENT, { mode: 0o755 });
    }
    return services;
  }

  get resolvConf(): string {
    return `${this.etc}/resolv.conf`;
  }

  /** The command, seeing these files. */
  wrap(command: readonly string[]): string[] {
    return this.#mounts.reduceRight(
      (wrapped, [target, file]) => withFile(target, file, wrapped),
      [...command],
    );
  }

  /**
   * Asserts that a program of this machine finds an address for a name. It asks until it does: DNS goes by
   * UDP, and systemd-resolved hears from the kernel of a link that is gone only some time after it is, and
   * then drops what it is just asking.
   */
  async assertFinds(machine: Machine, name: string, address: string): Promise<void> {
    const command = this.wrap(["getent", "ahostsv4", name]);
    const found = await eventually(
      async () => (await machine.try(...command)).stdout.split(" ")[0]!,
      (found) => found === address,
    );
    assertEquals(found, address, name);
  }

  /** Makes /etc/resolv.conf a mount of its own, as in a container; returns the file that is mounted. */
  async mountResolvConf(text: string): Promise<string> {
    const file = `${this.#folder}/mounted`;
    await Deno.writeTextFile(file, text);
    await Deno.writeTextFile(this.resolvConf, "");
    this.#mounts.push(["/etc/resolv.conf", file]);
    return file;
  }

  /** Has openresolv, or Debian's resolvconf, look after resolv.conf. */
  async addResolvconf(
    machine: Machine,
    name: "openresolv" | "resolvconf",
    nameserver: string,
  ): Promise<void> {
    const [root, own] = [`${PACKAGES}/${name}`, `${this.#folder}/lib-resolvconf`];
    await machine.run("cp", "-r", `${root}/lib/resolvconf`, own);
    await machine.run("cp", "-r", `${root}/etc/.`, this.etc);
    const program = `${this.#folder}/usr/local/sbin/resolvconf`;
    await machine.run("cp", `${root}/sbin/resolvconf`, program);
    // They look for their parts in one place only.
    for (const path of [program, this.etc, own]) {
      await machine.run(
        "find",
        path,
        "-type",
        "f",
        "-exec",
        "sed",
        "-i",
        `s|/lib/resolvconf|${own}|`,
        "{}",
        "+",
      );
    }
    if (name === "resolvconf") {
      await Deno.remove(this.resolvConf);
      await Deno.symlink("/run/resolvconf/resolv.conf", this.resolvConf);
      await machine.run(...this.wrap(["resolvconf", "--enable-updates"]));
    }
    const add = `echo "nameserver ${nameserver}" | resolvconf -a eth0`;
    await machine.run(...this.wrap(["sh", "-c", add]));
  }

  /** Makes a user, with a group of the same name and number. */
  async #addUser(name: string, id: number): Promise<void> {
    const lines = {
      passwd: `${name}:x:${id}:${id}::/:/usr/sbin/nologin`,
      group: `${name}:x:${id}:`,
    };
    for (const [file, line] of Object.entries(lines)) {
      const path = `${this.etc}/${file}`;
      // The machine that the test runs on may have one of that name.
      const others = (await Deno.readTextFile(path)).split("\n").filter((other) =>
        !other.startsWith(`${name}:`)
      );
      await Deno.writeTextFile(path, [line, ...others].join("\n"));
    }
  }

  /**
   * Starts polkitd, as Debian sets it up. To be called after `startResolved()`: it needs a system bus.
   */
  async startPolkit(machine: Machine): Promise<LabProcess> {
    const id = USERS.polkitd;
    const root = `${PACKAGES}/polkitd`;
    const share = `${this.#folder}/usr/share/polkit-1`;
    for (const name of ["polkitd", "systemd-resolved"]) {
      await machine.run("cp", "-r", `${PACKAGES}/${name}/usr/share/polkit-1/.`, share);
    }
    const own = `${this.etc}/polkit-1/rules.d`;
    await Deno.mkdir(own, { recursive: true });
    // As the package's postinst has it.
    for (const folder of [own, `${share}/rules.d`]) {
      await Deno.chown(folder, id, 0);
      await Deno.chmod(folder, 0o700);
    }
    const libraries = `${root}/usr/lib/${Deno.build.arch}-linux-gnu`;
    const daemon = `${root}/usr/lib/polkit-1/polkitd`;
    const process = machine.start(this.wrap([daemon]), { LD_LIBRARY_PATH: libraries });
    const ready = /Acquired the name org\.freedesktop\.PolicyKit1/;
    const said = await eventually(
      () => Promise.resolve(process.stdout),
      (said) => ready.test(said),
    );
    assertMatch(said, ready);
    return process;
  }

  /** Starts a system bus and systemd-resolved, which asks `nameserver` for what is nobody else's. */
  async startResolved(machine: Machine, nameserver: string): Promise<LabProcess> {
    const root = this.#folder;
    const library = `${PACKAGES}/libsystemd-shared/usr/lib/${Deno.build.arch}-linux-gnu/systemd`;
    await Deno.writeTextFile(
      `${root}/usr/local/sbin/resolvectl`,
      `#!/bin/sh\nLD_LIBRARY_PATH=${library} ` +
        `exec ${PACKAGES}/systemd-resolved/usr/bin/resolvectl --no-pager "$@"\n`,
      { mode: 0o755 },
    );
    await Deno.mkdir(`${this.etc}/systemd`, { recursive: true });
    await Deno.writeTextFile(
      `${this.etc}/systemd/resolved.conf`,
      `[Resolve]\nDNS=${nameserver}\nFallbackDNS=\nDNSSEC=no\nLLMNR=no\nMulticastDNS=no\n`,
    );
    await Deno.writeTextFile(`${root}/bus.conf`, BUS);
    await Deno.mkdir(`${root}/run/dbus`, { recursive: true });
    // systemd-logind makes these, and polkitd looks in them for who sits at the machine.
    for (const name of ["seats", "sessions", "users", "machines"]) {
      await Deno.mkdir(`${root}/run/systemd/${name}`, { recursive: true });
    }
    const file = `${root}/bus.conf`;
    machine.start(this.wrap(["dbus-daemon", `--config-file=${file}`, "--nofork", "--nopidfile"]));
    await eventually(() => exists(`${root}/run/dbus/system_bus_socket`), (is) => is);
    const daemon = `${PACKAGES}/systemd-resolved/lib/systemd/systemd-resolved`;
    const process = machine.start(this.wrap([daemon]), { LD_LIBRARY_PATH: library });
    await eventually(
      async () => (await machine.try(...this.wrap(["resolvectl", "dns"]))).success,
      (success) => success,
    );
    await Deno.symlink("/run/systemd/resolve/stub-resolv.conf", this.resolvConf);
    return process;
  }
}

/** A program that is in the place of none. */
const ABSENT = "#!/bin/sh\nexit 127\n";

/** A system bus with the rules of Debian's, and of the packages that are here. */
const BUS = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <includedir>${PACKAGES}/systemd-resolved/usr/share/dbus-1/system.d</includedir>
  <includedir>${PACKAGES}/polkitd/usr/share/dbus-1/system.d</includedir>
</busconfig>
`;

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}
