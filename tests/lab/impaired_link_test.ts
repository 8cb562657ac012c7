/** The lab's bad link: that it does to packets what it says, and nothing else. */
import { assert, assertEquals } from "@std/assert";
import { parsePing } from "../../scripts/bench/parse.ts";
import { ImpairedLink, type Impairment, LINK_COMMANDS } from "../../scripts/impaired_link.ts";
import { Lab, type Machine } from "../../scripts/lab.ts";
import { startEcho, tcpFlows, udpFlows } from "./flows.ts";
import { eventually, kernelCounters } from "./inspection.ts";
import { labTest } from "./tunnel_lab.ts";

const COMMANDS = ["python3", ...LINK_COMMANDS];

const MTU = 1500;
/** Addresses of the far machine. */
const ADDRESSES = ["198.51.100.2", "2001:db8::2"] as const;

/** Sends datagrams one by one: ADDRESS COUNT. */
const BURST = `import socket, sys
address, count = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
burst = socket.socket(family, socket.SOCK_DGRAM)
for _ in range(count): burst.sendto(b"x", (address, 9))`;

/** Two machines with a bad link between them, which go when disposed of. */
class LinkLab implements AsyncDisposable {
  private constructor(
    readonly lab: Lab,
    readonly near: Machine,
    readonly far: Machine,
    readonly link: ImpairedLink,
  ) {}

  static async open(impairment: Impairment): Promise<LinkLab> {
    await using resources = new AsyncDisposableStack();
    const lab = resources.use(new Lab());
    const [near, far] = [await lab.machine("near"), await lab.machine("far")];
    const nearAddresses = ["198.51.100.1/30", "2001:db8::1/64"];
    const farAddresses = ADDRESSES.map((address, i) => `${address}/${[30, 64][i]}`);
    const link = await ImpairedLink.lay(lab, near, nearAddresses, far, farAddresses, impairment);
    resources.move();
    return new LinkLab(lab, near, far, link);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}

await labTest("a link delays packets by what was asked for", COMMANDS, async () => {
  const roundTrip = 60;
  await using lab = await LinkLab.open({ roundTrip, loss: 0 });
  for (const address of ADDRESSES) {
    // Those of the second size are cut in six.
    for (const size of ["56", "8000"]) {
      // Until ten are answered: what "loses" tests says that none is lost.
      const options = ["-n", "-c", "10", "-w", "20", "-i", "0.02", "-s", size];
      const { times } = parsePing(await lab.near.run("ping", ...options, address));
      assert(times.length >= 10, `${times}`);
      assert(Math.min(...times) >= roundTrip, `${times}`);
    }
  }
});

await labTest("a link loses as many packets as was asked for", COMMANDS, async () => {
  await using lab = await LinkLab.open({ roundTrip: 2, loss: 50 });
  const sent = 5000;
  for (const address of ADDRESSES) {
    const received = await receivedOf(lab, address, sent);
    assert(received > 0.4 * sent && received < 0.6 * sent, `${received} of ${sent}`);
  }
  await lab.link.lose(0);
  for (const address of ADDRESSES) {
    // A busy machine loses some by itself, though not each time.
    const send = (): Promise<number> => receivedOf(lab, address, sent);
    const received = await eventually(send, (received) => received === sent);
    assertEquals(received, sent, `${lab.link.dropped} came faster than they were moved`);
  }
});

await labTest("a link leaves packets whole and in order", COMMANDS, async () => {
  await using lab = await LinkLab.open({ roundTrip: 2, loss: 0 });
  await startEcho(lab.far);
  for (const address of ADDRESSES) {
    await udpFlows(lab.near, address, 4, MTU);
    const { here, there } = await tcpFlows(lab.near, address, 4);
    assertEquals([here.out_of_order, there.out_of_order], [0, 0]);
  }
});

await labTest("a closed link lets nothing through, and all of it goes", COMMANDS, async () => {
  await using resources = new AsyncDisposableStack();
  const { near, link } = resources.use(await LinkLab.open({ roundTrip: 2, loss: 0 }));
  const prefix = near.namespace.slice(0, near.namespace.lastIndexOf("-"));
  const made = await remains(prefix);
  // Three machines, and a relay in one of them.
  assertEquals(made.length, 3 + 1, `${made}`);
  await near.run("ping", "-n", "-c", "1", ADDRESSES[0]);
  await link.close();
  const { success } = await near.try("ping", "-n", "-c", "1", "-W", "0.2", ADDRESSES[0]);
  assertEquals(success, false);
  await resources.disposeAsync();
  const left = await remains("svpn");
  assertEquals(made.filter((one) => left.includes(one)), []);
});

/** Sends small datagrams in one burst to a port where nobody listens, and counts those that arrive. */
async function receivedOf({ near, far }: LinkLab, address: string, sent: number): Promise<number> {
  const counter = address.includes(":") ? "Udp6NoPorts" : "Udp.NoPorts";
  const count = async (): Promise<number> => (await kernelCounters(far))[counter]!;
  // The answer to a ping shows that the far machine's address is known, and later that what was sent
  // before has passed, since nothing overtakes.
  const passes = (): Promise<string> =>
    near.run("ping", "-n", "-c", "1", "-w", "10", "-i", "0.02", address);
  await passes();
  const before = await count();
  await near.run("python3", "-c", BURST, address, String(sent));
  await passes();
  return await count() - before;
}

/** Namespaces whose names begin so, and each process in them, a line each. */
async function remains(prefix: string): Promise<string[]> {
  const list = `for name in $(ip netns list | grep -o "^${prefix}-[^ ]*"); do
      echo "$name"; ip netns pids "$name" | sed "s/^/$name /"; done`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", list] }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}
