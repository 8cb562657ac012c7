/** Which congestion control connections have. */
import { assertEquals } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { assertOneLine, ending } from "./inspection.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

/** Other than the system's default, whatever that is; part of every kernel. */
const NAME = "reno";

await labTest("--congestion is what both ends' connections have", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startSecureServer("--congestion", NAME);
  const client = await lab.addClient();
  await lab.join(client, "pi", "--congestion", NAME);
  for (const machine of [lab.server, client.machine]) {
    assertEquals(await congestionControls(machine), [NAME]);
  }
});

for (const program of ["server", "client"] as const) {
  await labTest(`a ${program} says where to look for congestion controls`, [], async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const command = program === "server" ? lab.serverCommand() : lab.clientCommand(client);
    const output = await ending(lab.server.start([...command, "--congestion", "nonsense"]));
    assertOneLine(
      output,
      1,
      /Cannot use the congestion control "nonsense": .*tcp_available_congestion_control/,
    );
  });
}

/** Of a machine's connections to or from the server's port. */
async function congestionControls(machine: Machine): Promise<string[]> {
  const listing = await machine.run(
    "ss",
    "-Htinp",
    "state",
    "established",
    "( sport = :2002 or dport = :2002 )",
  );
  return [...listing.matchAll(/^\s+(?:sack )?(\w+) /gm)].map((match) => match[1]!);
}
