/** Networks that clients announce: reached once the server allows them, from everywhere and at once. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { eventually } from "./inspection.ts";
import { addNeighbour, networksOf, reaches } from "./gateway_lab.ts";
import { connected, labTest, TunnelLab } from "./tunnel_lab.ts";

const [SEVEN, SEVEN_IPV6] = networksOf(7);
const [EIGHT] = networksOf(8);

/** Whether the machine has a route through its tunnel that this program made. */
async function hasRoute(machine: Machine, network: string): Promise<boolean> {
  const show = ["route", "show", "dev", "simplevpn0", "proto", "202"];
  const routes = await machine.run("ip", ...show) + await machine.run("ip", "-6", ...show);
  return routes.split("\n").some((line) => line.split(" ")[0] === network);
}

for (const way of ["--tcp", "-u"]) {
  await labTest(
    `a LAN that a client announces is reached when the server allows it (${way})`,
    ["ping", "nft"],
    async () => {
      await using lab = await TunnelLab.open();
      const [pi, box] = [await lab.addClient(), await lab.addClient()];
      const plant = await addNeighbour(lab, "plant", pi.machine, 7);
      const office = await addNeighbour(lab, "office", box.machine, 8);
      const server = await lab.startSecureServer();
      const announce = ["--forward", "--announce", SEVEN, "--announce", SEVEN_IPV6];
      const client = pi.machine.start(
        lab.secureCommand(pi, await lab.invite(pi, "pi"), ...announce, way),
      );
      await connected(client);
      const invite = await lab.invite(box, "box", "--route", EIGHT);
      await connected(box.machine.start(
        lab.secureCommand(box, invite, "--forward", "--announce", EIGHT, way),
      ));

      const [told] = await server.waitFor(/pi announces .*/);
      assertMatch(
        told,
        /192\.168\.7\.0\/24 and 2001:db8:a:7::\/64.* peers set pi --route 192\.168\.7\.0\/24 --route 2001:db8:a:7::\/64/,
      );
      await client.waitFor(/The server does not allow 192\.168\.7\.0\/24 and .*/);
      assert(!server.stderr.includes("box announces"), server.stderr);
      const status = await lab.manage("status");
      assertMatch(status, /pi announces 192\.168\.7\.0\/24/);
      assertEquals(await hasRoute(lab.server, SEVEN), false);
      assertEquals(await hasRoute(box.machine, SEVEN), false);
      assertEquals(await reaches(lab.server, "192.168.7.2"), false);
      assertEquals(await reaches(office.machine, "192.168.7.2"), false);

      await lab.manage("peers", "set", "pi", "--route", SEVEN);
      for (const machine of [lab.server, box.machine]) {
        assert(await eventually(() => hasRoute(machine, SEVEN), (has) => has));
      }
      assert(await eventually(() => reaches(office.machine, "192.168.7.2"), (does) => does));
      assert(await reaches(lab.server, "192.168.7.2"));
      assert(await reaches(plant.machine, "192.168.8.2"));
      assertEquals(await hasRoute(lab.server, SEVEN_IPV6), false, "it is not allowed yet");
      assert(!client.stderr.includes("Lost the connection"), client.stderr);
    },
  );
}

await labTest("a client that announces and does not forward warns", [], async () => {
  await using lab = await TunnelLab.open();
  const [pi, box] = [await lab.addClient(), await lab.addClient()];
  for (const { machine } of [pi, box]) {
    await machine.run("sysctl", "-qw", "net.ipv4.ip_forward=0");
  }
  await lab.startSecureServer();
  const { process } = await lab.join(pi, "pi", "--announce", SEVEN);
  await process.waitFor(
    /This machine announces 192\.168\.7\.0\/24 and does not forward: .*--forward/,
  );
  const { process: other } = await lab.join(box, "box", "--announce", SEVEN, "--forward");
  assert(!other.stderr.includes("does not forward"), other.stderr);
});
