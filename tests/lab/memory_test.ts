import { assert } from "@std/assert";
import { sleep } from "../../scripts/lab.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

/** Kilobytes that may be left: about 10,000 are, of 50,000 that a start takes. */
const LEFT_MOST = 30_000;

/** Kilobytes of files that a process has in memory. */
function fileMemory(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/status`).match(/^RssFile:\s+(\d+) kB$/m)![1]);
}

await labTest(
  "both programs let go of what only their start needed, and carry on",
  ["ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    const { process } = await lab.startClient(client);
    for (const { pid } of [server, process]) {
      const patience = performance.now() + 10_000;
      while (fileMemory(pid) > LEFT_MOST) {
        assert(performance.now() < patience, `${fileMemory(pid)} kB are left`);
        await sleep(50);
      }
    }
    await client.machine.run("ping", "-c", "3", "-i", "0.1", "-W", "2", "10.0.0.1");
  },
);
