import { assert, assertEquals, assertThrows } from "@std/assert";
import { installCommand, type Options, readOptions } from "../../../scripts/bench/options.ts";

const OWN = ["veth", "simplevpn", "simplevpn TCP", "simplevpn UDP", "classic"];

function read(line: string, environment?: string): Options {
  const options = readOptions(line.split(" ").filter((word) => word !== ""), environment);
  assert(options !== undefined);
  return options;
}

function names(list: readonly { name: string }[]): string[] {
  return list.map(({ name }) => name);
}

Deno.test("readOptions() measures everything in 5 rounds of 3 s when nothing is said", () => {
  const { rounds, seconds, subjects, probes, programs, json } = read("");
  assertEquals({ rounds, seconds, programs, json }, {
    rounds: 5,
    seconds: 3,
    programs: "source",
    json: false,
  });
  assertEquals(names(subjects), OWN);
  assert(names(probes).includes("tcp1"));
});

Deno.test("readOptions() takes one short round for --quick, and what is said beside it", () => {
  const quick = read("--quick");
  assertEquals([quick.rounds, quick.seconds], [1, 1]);
  const longer = read("--quick --seconds 7");
  assertEquals([longer.rounds, longer.seconds], [1, 7]);
});

Deno.test("readOptions() chooses by name and keeps its own order", () => {
  assertEquals(names(read("--only tcp1,ping").probes), ["ping", "tcp1"]);
  assertEquals(names(read("--subjects simplevpn").subjects), ["simplevpn"]);
});

Deno.test("readOptions() adds other VPNs when told to, or those that are named", () => {
  const { subjects } = read("--peers");
  assertEquals(names(subjects).slice(0, OWN.length), OWN);
  assertEquals(subjects.filter(({ installation }) => installation !== undefined).length, 10);
  const some = readOptions(["--subjects", "tinc,openvpn TCP 48000"])!;
  assertEquals(names(some.subjects), ["openvpn TCP 48000", "tinc"]);
});

Deno.test("readOptions() takes a file for the chart", () => {
  assertEquals([read("").svg, read("--svg chart.svg").svg], [undefined, "chart.svg"]);
});

Deno.test("readOptions() takes what is to be wrong with the cable", () => {
  assertEquals(read("").impairment, undefined);
  assertEquals(read("--delay 0 --loss 0").impairment, undefined);
  assertEquals(read("--delay 80").impairment, { roundTrip: 80, loss: 0 });
  assertEquals(read("--loss 0.5 --delay 20").impairment, { roundTrip: 20, loss: 0.5 });
});

Deno.test("readOptions() takes congestion controls", () => {
  assertEquals(read("").congestion, { tunnel: undefined, flows: undefined });
  const { congestion } = read("--congestion cubic --flow-congestion bbr");
  assertEquals(congestion, { tunnel: "cubic", flows: "bbr" });
});

Deno.test("readOptions() takes the kind of programs from the environment when not told", () => {
  assertEquals(read("", "compiled").programs, "compiled");
  assertEquals(read("--programs source", "compiled").programs, "source");
});

Deno.test("readOptions() gives nothing when help is wanted", () => {
  assertEquals(readOptions(["--help"]), undefined);
});

for (
  const line of [
    "--rounds 0",
    "--rounds 1.5",
    "--seconds many",
    "--only tcp1,nonsense",
    "--subjects nonsense",
    "--programs nonsense",
    "--delay long",
    "--delay 10001",
    "--loss -1",
    "--loss 101",
    "--congestion BBR!",
    "--flow-congestion",
    "--svg",
    "--nonsense",
    "nonsense",
  ]
) {
  Deno.test(`readOptions() throws when told "${line}"`, () => {
    assertThrows(() => read(line), RangeError);
  });
}

Deno.test("installCommand() names packages, not commands", () => {
  assertEquals(installCommand(["ip", "ping"]), "apt-get install iproute2 iputils-ping");
});
