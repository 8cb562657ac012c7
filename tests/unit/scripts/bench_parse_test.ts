import { assertEquals, assertThrows } from "@std/assert";
import {
  parseCpuModel,
  parseCpuSeconds,
  parseIperf3,
  parseMemory,
  parsePing,
} from "../../../scripts/bench/parse.ts";

Deno.test("parseIperf3() reads what the receiver got, not what was sent", () => {
  const output = {
    end: {
      sum: { seconds: 1.1, bytes: 12406400, packets: 193850, lost_packets: 91676 },
      sum_sent: { seconds: 1.1, bytes: 12406400 },
      sum_received: { seconds: 1.25, bytes: 6539136, bits_per_second: 41850470.4 },
    },
  };
  assertEquals(parseIperf3(JSON.stringify(output)), { bytes: 6539136, seconds: 1.25 });
});

Deno.test("parseIperf3() throws what iperf3 complains of", () => {
  const output = '{ "start": {}, "end": {}, "error": "unable to connect to server: refused" }';
  assertThrows(() => parseIperf3(output), SyntaxError, "unable to connect to server: refused");
});

Deno.test("parseIperf3() throws when there is no sum of what was received", () => {
  assertThrows(() => parseIperf3('{ "end": {} }'), SyntaxError);
  assertThrows(
    () => parseIperf3('{ "end": { "sum_received": { "bytes": 5, "seconds": 0 } } }'),
    SyntaxError,
  );
  assertThrows(() => parseIperf3(""), SyntaxError);
});

const PING = `\
PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.
64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=0.098 ms
64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=12.5 ms
64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=13.5 ms (DUP!)
64 bytes from 198.51.100.1: icmp_seq=4 ttl=64 time=1003 ms

--- 198.51.100.1 ping statistics ---
4 packets transmitted, 3 received, +1 duplicates, 25% packet loss, time 95ms
rtt min/avg/max/mdev = 0.098/338.533/1003.000/469.852 ms
`;

Deno.test("parsePing() reads each answer's time, and duplicates are no answers", () => {
  assertEquals(parsePing(PING), { sent: 4, times: [0.098, 12.5, 1003] });
});

Deno.test("parsePing() gives no times when nothing was answered", () => {
  const text =
    "PING x\n\n--- x ping statistics ---\n3 packets transmitted, 0 received, 100% loss\n";
  assertEquals(parsePing(text), { sent: 3, times: [] });
});

Deno.test("parsePing() throws when there are no statistics", () => {
  assertThrows(() => parsePing("ping: connect: Network is unreachable\n"), SyntaxError);
});

Deno.test("parseCpuSeconds() adds user and system time, whatever the program is called", () => {
  const fields = "S 1 42 42 0 -1 4194560 5000 0 12 0 250 75 1 2 20 0 9 0 123456 987654321 20000";
  assertEquals(parseCpuSeconds(`42 (simplevpn) ${fields}`), 3.25);
  assertEquals(parseCpuSeconds(`42 (a) 9 (b c) ${fields}`), 3.25);
});

Deno.test("parseCpuSeconds() throws when the line is cut off", () => {
  assertThrows(() => parseCpuSeconds("42 (deno) S 1 42"), SyntaxError);
});

Deno.test("parseMemory() reads resident and anonymous memory as bytes", () => {
  const status = "Name:\tdeno\nVmHWM:\t  90000 kB\nVmRSS:\t   83968 kB\nRssAnon:\t   35328 kB\n";
  assertEquals(parseMemory(status), { rss: 83968 * 1024, anonymous: 35328 * 1024 });
});

Deno.test("parseMemory() throws when a process has no memory, as one that has ended", () => {
  assertThrows(() => parseMemory("Name:\tdeno\nState:\tZ (zombie)\n"), SyntaxError, "VmRSS");
});

Deno.test("parseCpuModel() finds the name on x86-64 and on a Raspberry Pi", () => {
  const x86 = "processor\t: 0\nmodel\t\t: 2\nmodel name\t: AMD EPYC\nprocessor\t: 1\n";
  const pi = "processor\t: 0\nCPU part\t: 0xd08\n\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n";
  assertEquals(parseCpuModel(x86), "AMD EPYC");
  assertEquals(parseCpuModel(pi), "Raspberry Pi 4 Model B Rev 1.4");
  assertEquals(parseCpuModel("processor\t: 0\n"), "unknown");
});
