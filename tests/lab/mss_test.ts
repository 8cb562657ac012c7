/** Streams between machines that do not know of the tunnel between them, and are not told. */
import { assert } from "@std/assert";
import type { Machine } from "../../scripts/lab.ts";
import { iperf } from "./iperf.ts";
import { labTest, TunnelLab } from "./tunnel_lab.ts";

const SOME_MEGABYTES = ["-n", "20M"];
const HALF = 0.5;

/** What a firewall lets through that its owner thinks to be safe. */
const NO_ERRORS = `table inet lab {
  chain in {
    type filter hook input priority 0
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}`;

/** A network of a router with one machine more, which hears of no errors. */
async function addMachine(lab: TunnelLab, name: string, router: Machine, n: number): Promise<{
  machine: Machine;
  addresses: string[];
  networks: string[];
}> {
  const machine = await lab.lab.machine(name);
  const networks = [`192.168.${n}.0/24`, `2001:db8:a:${n}::/64`];
  const routers = [`192.168.${n}.1/24`, `2001:db8:a:${n}::1/64`, `fe80::${n}/64`];
  const addresses = [`192.168.${n}.2`, `2001:db8:a:${n}::2`];
  const hosts = [`${addresses[0]}/24`, `${addresses[1]}/64`];
  await lab.lab.cable(router, routers, machine, hosts);
  for (const address of routers.slice(0, 2)) {
    await machine.run("ip", "route", "add", "default", "via", address.split("/")[0]!);
  }
  for (const setting of ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]) {
    await router.run("sh", "-c", `echo 1 > /proc/sys/net/${setting}`);
  }
  await machine.run("nft", NO_ERRORS);
  return { machine, addresses, networks };
}

await labTest(
  "streams between machines beyond both ends fit the tunnel, though nobody tells them its MTU",
  ["iperf3", "nft"],
  async () => {
    await using lab = await TunnelLab.open();
    const client = await lab.addClient();
    const office = await addMachine(lab, "office", lab.server, 7);
    const home = await addMachine(lab, "home", client.machine, 8);
    const options = office.networks.flatMap((network) => ["--route", network]);
    await lab.startSecureServer("--network", "fd00::/64", ...options);
    const { process } = await lab.join(client, "home", "-u");
    const routes = home.networks.flatMap((network) => ["--route", network]);
    await lab.manage("peers", "set", "home", ...routes);
    await process.waitFor(/changed this machine's settings/);
    for (const [from, to] of [[office, home], [home, office]] as const) {
      for (const address of to.addresses) {
        for (const direction of [[], ["-R"]]) {
          const options = [...SOME_MEGABYTES, ...direction];
          const { sum_received } = await iperf(from.machine, to.machine, address, ...options);
          assert(sum_received.bytes >= HALF * 20e6, `${sum_received.bytes}`);
        }
      }
    }
  },
);
