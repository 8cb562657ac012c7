/** What a server puts up with from whoever reaches its port. */
import { assert, assertEquals } from "@std/assert";
import type { LabProcess } from "../../scripts/lab.ts";
import { parseIpv4 } from "../../lib/address/ipv4_address.ts";
import { CONTROL_LENGTH, writeControl } from "../../lib/protocol/classic.ts";
import { countersOf, eventually } from "./inspection.ts";
import { type ClientMachine, connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const RAW_PEER = [Deno.execPath(), "run", "--no-prompt", "--allow-net"]
  .concat(new URL("raw_peer.ts", import.meta.url).pathname);
const PING = ["ping", "-c", "2", "-i", "0.1", "-W", "2"];
const ANY_ADDRESS = "0.0.0.0";

/** Opens connections that nobody would call a client, and sends the same on each. */
function launchStranger(
  client: ClientMachine,
  count: number,
  bytes = "",
  times = 1,
): LabProcess {
  const numbers = [count, times].map(String);
  return client.machine.start([...RAW_PEER, client.server, "2002", ...numbers, bytes]);
}

/** A control packet in hexadecimal. */
function control(source: string, destination: string): string {
  const bytes = new Uint8Array(CONTROL_LENGTH);
  writeControl(bytes, 0, parseIpv4(source), parseIpv4(destination));
  return bytes.toHex();
}

/** An IPv4 packet of 28 bytes in hexadecimal; nobody checks its checksum on the way. */
function packet(source: string, destination: string): string {
  const bytes = new Uint8Array(28);
  const view = new DataView(bytes.buffer);
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0, 0, 64, 17]);
  view.setUint32(12, parseIpv4(source));
  view.setUint32(16, parseIpv4(destination));
  return bytes.toHex();
}

/** Waits until a stranger said a word so many times. */
async function countOf(stranger: LabProcess, word: string, count: number): Promise<number> {
  const counted = (): Promise<number> => Promise.resolve(stranger.stderr.split(word).length - 1);
  return await eventually(counted, (number) => number >= count);
}

const RUBBISH = {
  "a packet shorter than its header": "4400001400000000",
  "a header longer than its packet": "4f00001400000000",
};
for (const [what, bytes] of Object.entries(RUBBISH)) {
  await labTest(`a connection that speaks ${what} is closed, and no other`, ["ping"], async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer("--log-level", "debug");
    const [client, other] = [await lab.addClient(), await lab.addClient()];
    const { process } = await lab.startClient(client);
    const stranger = launchStranger(other, 1, bytes);
    await stranger.waitFor(/closed/);
    await server.waitFor(
      new RegExp(`${other.host} without an address ended: sent bytes that are not an IP packet`),
    );
    assertEquals((await countersOf(server)).drops.malformed, 1);
    await client.machine.run(...PING, "10.0.0.1");
    assertEquals(process.stderr.includes("Lost the connection"), false, process.stderr);
  });
}

await labTest(
  "a connection that says nothing blocks nobody, and is dropped in time",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer("--timeout", "1");
    const [other, client] = [await lab.addClient(), await lab.addClient()];
    const stranger = launchStranger(other, 1);
    await stranger.waitFor(/open/);
    const { process } = await lab.startClient(client, "--keepalive", "0.3");
    await stranger.waitFor(/closed/);
    assertEquals(process.stderr.includes("Lost the connection"), false, process.stderr);
  },
);

await labTest(
  "a connection that stops in the middle of a packet is dropped",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer("--timeout", "1");
    const [other, client] = [await lab.addClient(), await lab.addClient()];
    const stranger = launchStranger(other, 1, "4500ffff");
    await stranger.waitFor(/open/);
    await lab.startClient(client, "--keepalive", "0.3");
    await client.machine.run(...PING, "10.0.0.1");
    await stranger.waitFor(/closed/);
  },
);

await labTest("200 connections come, get addresses, go, and come again", ["ping"], async () => {
  await using lab = await TunnelLab.open();
  // Twice 200 do not fit: the second time shows that the first addresses are free again.
  const network = ["--network", "10.0.0.0/24"];
  await lab.startServer(...network);
  const [crowd, client] = [await lab.addClient(), await lab.addClient()];
  await lab.startClient(client, ...network);
  for (let i = 0; i < 2; i++) {
    const stranger = launchStranger(crowd, 200, control(ANY_ADDRESS, ANY_ADDRESS));
    assertEquals(await countOf(stranger, "received", 200), 200);
    const given = stranger.stderr.match(/received [0-9a-f]{40}/g)!;
    assertEquals(new Set(given).size, 200, "an address was given twice");
    await client.machine.run(...PING, "10.0.0.1");
    await stranger.stop();
    // So many lines are too many for the log, but the kernel knows what the server has closed.
    const sockets = (): Promise<string> => lab.server.run("ss", "-Htn", "sport", "=", ":2002");
    const left = await eventually(sockets, (text) => text.split("\n").length === 2);
    assertEquals(left.split("\n").length, 2, left);
  }
});

await labTest("a server that is full closes new connections and says why", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer("--max-clients", "1", "--log-level", "debug");
  const [holder, waiting] = [await lab.addClient(), await lab.addClient()];
  const held = await lab.startClient(holder);
  const process = lab.launchClient(waiting);
  await process.waitFor(
    /No connection to .*(without giving an address|ECONNRESET|EPIPE).*; trying on/,
  );
  await server.waitFor(new RegExp(`connections .* are in use: ${waiting.host} is turned away`));
  await held.process.stop();
  await connected(process);
});

await labTest("strangers that fill a server make room for clients", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer("--max-clients", "3");
  const [other, client] = [await lab.addClient(), await lab.addClient()];
  const stranger = launchStranger(other, 3);
  assertEquals(await countOf(stranger, "open", 3), 3);
  await lab.startClient(client);
  assertEquals(await countOf(stranger, "closed", 1), 1);
});

await labTest("a packet with another source than its sender's address is dropped", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const [client, other] = [await lab.addClient(), await lab.addClient()];
  const victim = await lab.startClient(client, "-a", "10.0.7.1");
  const bytes = [
    control("10.0.7.2", ANY_ADDRESS),
    packet("10.0.7.1", "10.0.0.1"),
    packet("10.0.7.3", "10.0.0.1"),
    packet("192.0.2.1", "10.0.7.1"),
    packet("10.0.7.2", "10.0.0.1"),
  ];
  await launchStranger(other, 1, bytes.join("")).waitFor(/received/);
  const { packets, drops } = await eventually(
    () => countersOf(server),
    ({ packets }) => packets.to_tun! > 0,
  );
  assertEquals(drops.source_address, 3);
  assertEquals(packets.to_tun, 1);
  assertEquals((await countersOf(victim.process)).packets.to_tun, 0);
});

await labTest(
  "an address in use is taken over neither by asking nor by sending",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    await lab.startServer();
    const [client, other] = [await lab.addClient(), await lab.addClient()];
    const { process, address } = await lab.startClient(client);
    await launchStranger(other, 1, control(address, ANY_ADDRESS)).waitFor(/closed/);
    const sender = launchStranger(other, 1, packet(address, "10.0.0.1"));
    await sender.waitFor(/open/);
    await lab.server.run(...PING, address);
    assertEquals(process.stderr.includes("Lost the connection"), false, process.stderr);
    assertEquals(sender.stderr, "open\n");
  },
);

await labTest("connections that go dead with data under way end in 20 s", ["python3"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  const { process } = await lab.startClient(client);
  // Nothing that ss shows tells TCP_USER_TIMEOUT, so this asks the programs' own sockets.
  const ask = `
import ctypes, os, socket, sys
pidfd = os.pidfd_open(int(sys.argv[1]))
for name in os.listdir("/proc/%s/fd" % sys.argv[1]):
    fd = ctypes.CDLL(None).syscall(438, pidfd, int(name), 0)  # pidfd_getfd(2)
    try:
        with socket.socket(fileno=fd) as copy:
            if copy.type == socket.SOCK_STREAM and copy.getpeername():
                print(copy.getsockopt(socket.IPPROTO_TCP, 18))  # TCP_USER_TIMEOUT
    except OSError:
        pass`;
  for (const { pid } of [server, process]) {
    assertEquals(await lab.server.run("python3", "-c", ask, String(pid)), "20000\n");
  }
});

await labTest("a server's memory does not grow with bad packets", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const other = await lab.addClient();
  let sent = 0;
  const flood = async (count: number): Promise<number> => {
    const stranger = launchStranger(other, 1, packet("192.0.2.1", "10.0.0.1"), count);
    sent += count;
    await eventually(() => countersOf(server), ({ drops }) => drops.source_address! >= sent);
    await stranger.stop();
    const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]);
  };
  const before = await flood(20_000);
  const after = await flood(100_000);
  assertEquals((await countersOf(server)).drops.source_address, sent);
  // A hundred bytes that are kept of each would be 10 MB.
  assert(after < before + 8000, `${before} kB grew to ${after} kB`);
});
