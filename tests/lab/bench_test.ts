import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Report } from "../../scripts/bench/report.ts";
import { PEERS } from "../../scripts/bench/subjects.ts";
import { LabProcess, missingCommands } from "../../scripts/lab.ts";
import { ROOT } from "../../scripts/program.ts";
import { labTest, SOURCE } from "./tunnel_lab.ts";

function startBench(options: readonly string[], env: Record<string, string> = {}): LabProcess {
  const command = [Deno.execPath(), "run", "--no-prompt", "--allow-all", `${ROOT}scripts/bench.ts`];
  return new LabProcess([...command, "--programs", SOURCE, ...options], env);
}

/** Namespaces that belong to a bench with this process id. */
async function namespacesOf(pid: number): Promise<string[]> {
  const list = await new Deno.Command("ip", { args: ["netns", "list"] }).output();
  const names = new TextDecoder().decode(list.stdout).split("\n");
  return names.filter((name) => name.startsWith(`svpn-${pid}-`));
}

await labTest(
  "the bench prints JSON with positive numbers and leaves nothing behind",
  ["ping", "iperf3"],
  async () => {
    const bench = startBench(["--quick", "--json", "--only", "start,ping,tcp1,udp,memory"]);
    const { code } = await bench.status;
    await bench.stop();
    assertEquals(code, 0, bench.stderr);
    const report: Report = JSON.parse(bench.stdout);
    const { veth, simplevpn } = report.results;
    const common = ["ping_idle", "ping_woken", "tcp1_down", "tcp1_up", "udp_down", "udp_up"];
    const own = [
      ...["anon_client", "anon_server", "cpu_down", "cpu_up"],
      ...["rss_client", "rss_server", "start"],
    ];
    assertEquals(Object.keys(veth!).toSorted(), common);
    assertEquals(Object.keys(simplevpn!).toSorted(), [...common, ...own].toSorted());
    for (const [metric, { median, ratio, samples }] of Object.entries(simplevpn!)) {
      assert(median > 0, `${metric} is ${median}`);
      assertEquals(samples, [median]);
      assertEquals(ratio === null, own.includes(metric), metric);
    }
    assertEquals(report.metrics.map(({ name }) => name).toSorted(), [...common, ...own].toSorted());
    assertEquals(await namespacesOf(bench.pid), []);
  },
);

await labTest(
  "the bench measures each other VPN that is installed, and says which are not",
  // Those of Debian; some others have to be built.
  ["ping", "iperf3", "openvpn", "openssl", "wireguard-go", "fastd", "tincd", "vtund"],
  async () => {
    const bench = startBench(["--peers", "--quick", "--json", "--only", "start,tcp1,memory"]);
    const { code } = await bench.status;
    await bench.stop();
    const report: Report = JSON.parse(bench.stdout);
    assertEquals(report.failures, []);
    assertEquals(code, 0, bench.stderr);
    const missing: string[] = [];
    for (const { name, installation } of PEERS) {
      const absent = (await missingCommands(installation!.commands)).length > 0;
      if (absent) missing.push(name);
      else assertMeasured(report, name);
    }
    assertEquals(report.missing.map(({ subject }) => subject), missing);
    assertEquals(await namespacesOf(bench.pid), []);
  },
);

/** Data went through a VPN both ways, and its own programs worked for it. */
function assertMeasured({ results }: Report, name: string): void {
  const metrics = ["start", "tcp1_up", "tcp1_down", "cpu_up", "cpu_down", "rss_server"];
  for (const metric of metrics) {
    const median = results[name]?.[metric]?.median ?? 0;
    assert(median > 0, `${metric} of ${name} is ${median}`);
  }
}

await labTest(
  "the bench goes on without a VPN that does not come up, and tells what it said",
  ["ping", "iperf3"],
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "simplevpn-broken-" });
    try {
      const script = "#!/bin/sh\necho out of order >&2\nexit 3\n";
      await Deno.writeTextFile(`${folder}/wireguard-go`, script, { mode: 0o755 });
      const options = ["--subjects", "veth,wireguard-go", "--only", "tcp1", "--json", "--svg"];
      const bench = startBench(
        [...options, `${folder}/chart.svg`, "--rounds", "2", "--seconds", "1"],
        { PATH: `${folder}:${Deno.env.get("PATH")}` },
      );
      const { code } = await bench.status;
      await bench.stop();
      assertEquals(code, 1, bench.stderr);
      const { results, failures }: Report = JSON.parse(bench.stdout);
      assertEquals(results.veth!.tcp1_up!.samples.length, 2);
      assertEquals(results["wireguard-go"], {});
      assertEquals(failures.map(({ subject, what }) => [subject, what]), [[
        "wireguard-go",
        "start",
      ]]);
      assertStringIncludes(failures[0]!.reason, "out of order");
      assertStringIncludes(await Deno.readTextFile(`${folder}/chart.svg`), ">wireguard-go</text>");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

await labTest("the bench removes everything on Ctrl-C", ["ping", "iperf3"], async () => {
  const bench = startBench(["--subjects", "simplevpn", "--only", "tcp1", "--seconds", "60"]);
  await bench.waitFor(/simplevpn: tcp1/, 30_000);
  assert((await namespacesOf(bench.pid)).length > 0);
  const { code } = await bench.stop("SIGINT");
  assertEquals(code, 130);
  assertStringIncludes(bench.stderr, "bench: Interrupted");
  assertEquals(await namespacesOf(bench.pid), []);
});

await labTest("the bench says what is wrong with its command line", [], async () => {
  const bench = startBench(["--only", "nonsense"]);
  const { code } = await bench.status;
  await bench.stop();
  assertEquals(code, 2);
  assertStringIncludes(bench.stderr, 'but not "nonsense"');
});
