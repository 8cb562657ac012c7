import { assertEquals, assertMatch } from "@std/assert";
import { program, type ProgramName } from "../../scripts/program.ts";
import { SOURCE } from "./tunnel_lab.ts";

for (const name of ["server", "client"] satisfies ProgramName[]) {
  Deno.test(`self-check of simplevpn-${name} finds this machine's structures as expected`, async () => {
    const [command, ...args] = [...program(name, SOURCE), "self-check"];
    const { code, stdout, stderr } = await new Deno.Command(command!, { args }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    for (const line of new TextDecoder().decode(stdout).trimEnd().split("\n")) {
      assertMatch(line, /^ok /);
    }
    assertEquals(code, 0);
  });
}
