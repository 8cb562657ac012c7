import { assertEquals } from "@std/assert";
import {
  type ChangedSetting,
  forwardingInterfaces,
  type IpVersion,
  planForwarding,
  planUndoing,
  versionsTurnedOn,
} from "../../../lib/gateway/forwarding_plan.ts";
import { Random } from "../../random.ts";

const INTERFACES = ["lo", "eth0", "eth1.7"];
const SCOPES = ["default", ...INTERFACES];
const VERSIONS: readonly IpVersion[] = ["ipv4", "ipv6"];

/** What a kernel does about the settings that forwarding is about, as far as it does it by itself. */
class Kernel {
  readonly settings = new Map<string, string>();

  readonly read = (name: string): string | undefined => this.settings.get(name);

  write(name: string, value: string): void {
    if (this.settings.get(name) === value) return;
    this.settings.set(name, value);
    const [, version] = /^net\/(ipv[46])\/conf\/all\/forwarding$/.exec(name) ?? [];
    if (version === undefined) return;
    for (const key of this.settings.keys()) {
      if (key.startsWith(`net/${version}/`) && key.endsWith("/forwarding")) {
        this.settings.set(key, value);
      }
    }
    if (version === "ipv4") {
      this.settings.set("net/ipv4/conf/all/accept_redirects", value === "1" ? "0" : "1");
    }
  }

  turnOn(changes: readonly ChangedSetting[]): void {
    for (const { name, after } of changes) this.write(name, after);
  }

  undo(changes: readonly ChangedSetting[]): void {
    for (const { name, value } of planUndoing(changes, this.read)) this.write(name, value);
  }

  state(): Record<string, string> {
    return Object.fromEntries(this.settings);
  }
}

/** A kernel whose settings are `of(name)`. */
function kernelWith(of: (name: string) => string): Kernel {
  const kernel = new Kernel();
  const names = [
    ...VERSIONS.flatMap((version) =>
      ["all", ...SCOPES].map((scope) => `net/${version}/conf/${scope}/forwarding`)
    ),
    ...SCOPES.map((scope) => `net/ipv6/conf/${scope}/accept_ra`),
    "net/ipv4/conf/all/accept_redirects",
  ];
  for (const name of names) kernel.settings.set(name, of(name));
  return kernel;
}

/** As a kernel is after its start. */
function freshKernel(): Kernel {
  return kernelWith((name) => name.endsWith("/forwarding") ? "0" : "1");
}

Deno.test("planForwarding() has routers' advertisements taken before it turns IPv6 on", () => {
  const names = planForwarding(["ipv6"], ["eth0"], freshKernel().read).map(({ name }) => name);
  assertEquals(names, [
    "net/ipv6/conf/default/accept_ra",
    "net/ipv6/conf/eth0/accept_ra",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/forwarding",
    "net/ipv6/conf/eth0/forwarding",
  ]);
});

Deno.test("planForwarding() changes nothing of a version that is forwarded already, or not there", () => {
  const kernel = freshKernel();
  kernel.write("net/ipv4/conf/all/forwarding", "1");
  assertEquals(planForwarding(["ipv4"], INTERFACES, kernel.read), []);
  assertEquals(planForwarding(["ipv6"], INTERFACES, () => undefined), []);
  const changes = planForwarding(VERSIONS, INTERFACES, kernel.read);
  assertEquals(versionsTurnedOn(changes), ["ipv6"]);
});

Deno.test("forwardingInterfaces() are those that were forwarded from without the switch", () => {
  const kernel = freshKernel();
  kernel.write("net/ipv4/conf/eth1.7/forwarding", "1");
  kernel.write("net/ipv4/conf/default/forwarding", "1");
  kernel.write("net/ipv6/conf/eth0/forwarding", "1");
  const changes = planForwarding(VERSIONS, INTERFACES, kernel.read);
  assertEquals(forwardingInterfaces(changes), ["eth1.7"]);
});

Deno.test("planUndoing() gives back any state, but for what somebody else changed meanwhile", () => {
  const random = new Random(1);
  for (let round = 0; round < 2000; round++) {
    const kernel = kernelWith((name) => random.pick([...name.endsWith("_ra") ? "012" : "01"]));
    const expected = kernel.state();
    const changes = planForwarding(VERSIONS, INTERFACES, kernel.read);
    kernel.turnOn(changes);
    const switches = /\/all\/forwarding$/;
    const others = Object.keys(expected).filter((name) => !switches.test(name));
    if (round % 2 === 1) {
      const name = random.pick(others);
      const present = kernel.read(name)!;
      const value = random.pick([..."012"].filter((other) => other !== present));
      kernel.write(name, value);
      expected[name] = value;
    }
    kernel.undo(changes);
    assertEquals(kernel.state(), expected);
  }
});

Deno.test("planUndoing() leaves a version off that somebody turned off, and an interface that went", () => {
  const kernel = freshKernel();
  const before = kernel.state();
  const changes = planForwarding(VERSIONS, INTERFACES, kernel.read);
  kernel.turnOn(changes);
  kernel.write("net/ipv4/conf/all/forwarding", "0");
  kernel.settings.delete("net/ipv6/conf/eth0/forwarding");
  delete before["net/ipv6/conf/eth0/forwarding"];
  kernel.undo(changes);
  assertEquals(kernel.state(), before);
});
