/** A server's machine as a gateway: what it forwards and what not, and that all is as before afterwards. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { LabProcess, Machine } from "../../scripts/lab.ts";
import { program } from "../../scripts/program.ts";
import { withEmptyFolder, withReadOnlySettings } from "./mounts.ts";
import {
  addInternet,
  addNeighbour,
  addressesOf,
  advertise,
  gatewayState,
  INTERNET,
  INTERNET_ROUTES,
  reaches,
  SERVER_OUTSIDE,
  whoAmI,
} from "./gateway_lab.ts";
import { assertOneLine, ending, eventually } from "./inspection.ts";
import { labTest, SOURCE, TunnelLab } from "./tunnel_lab.ts";

const ADMINISTRATORS_RULES = `table inet admin {
  set friends {
    type ipv4_addr
    elements = { 192.0.2.1, 192.0.2.2 }
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr @friends counter accept
  }
  chain forward {
    type filter hook forward priority 10; policy accept;
  }
}
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
  }
}`;

await labTest(
  "clients reach the internet through --nat, and nobody reaches them from there",
  ["nft", "python3", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const internet = await addInternet(lab);
    const client = await lab.addClient();
    await lab.server.run("nft", ADMINISTRATORS_RULES);
    const before = await gatewayState(lab.server);
    const server = await lab.startSecureServer("--nat", ...INTERNET_ROUTES);
    const { address, address6 } = await lab.join(client, "pi");
    const own = /table inet simplevpn_simplevpn0 \{\n[^]*?\n\}\n/;
    assertEquals(rulesIn((await gatewayState(lab.server)).replace(own, "")), rulesIn(before));
    for (const [i, target] of INTERNET.entries()) {
      for (const protocol of ["tcp", "udp"] as const) {
        assertEquals(await whoAmI(client.machine, protocol, target), SERVER_OUTSIDE[i]);
      }
      assert(await reaches(client.machine, target), target);
      const inside = [address, address6][i]!;
      await internet.machine.run("ip", "route", "add", inside, "via", SERVER_OUTSIDE[i]!);
      assert(await reaches(lab.server, inside));
      assert(!await reaches(internet.machine, inside), inside);
    }
    assertEquals((await server.stop()).code, 0, server.stderr);
    assertEquals(await gatewayState(lab.server), before);
  },
);

await labTest(
  "a full tunnel leads to the internet by the server's --nat",
  ["nft", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    await addInternet(lab);
    const client = await lab.addClient();
    await lab.startSecureServer("--nat");
    await lab.join(client, "pi", "--full-tunnel");
    for (const [i, target] of INTERNET.entries()) {
      assertEquals(await whoAmI(client.machine, "tcp", target), SERVER_OUTSIDE[i]);
    }
  },
);

await labTest(
  "--forward without --nat lets both sides begin, and shows clients' own addresses",
  ["nft", "python3", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const internet = await addInternet(lab);
    const client = await lab.addClient();
    await lab.startSecureServer("--forward", ...INTERNET_ROUTES);
    const { address, address6 } = await lab.join(client, "pi");
    for (const [i, inside] of [address, address6].entries()) {
      await internet.machine.run("ip", "route", "add", inside, "via", SERVER_OUTSIDE[i]!);
      assert(await reaches(internet.machine, inside), inside);
      assertEquals(await whoAmI(client.machine, "tcp", INTERNET[i]!), inside);
    }
  },
);

await labTest(
  "a machine that did not forward before forwards for the tunnel alone, one that did goes on",
  ["nft", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const internet = await addInternet(lab);
    const bystander = await addNeighbour(lab, "bystander", lab.server, 9);
    for (const [i, via] of SERVER_OUTSIDE.entries()) {
      await internet.machine.run("ip", "route", "add", addressesOf(9)[i]!, "via", via);
    }
    const server = await lab.startSecureServer("--nat");
    for (const address of INTERNET) assert(!await reaches(bystander.machine, address), address);
    await server.stop();
    for (const version of ["ipv4", "ipv6"]) {
      await write(lab, `net/${version}/conf/all/forwarding`, "1");
    }
    const before = await gatewayState(lab.server);
    const other = await lab.startSecureServer("--nat");
    for (const address of INTERNET) assert(await reaches(bystander.machine, address), address);
    await other.stop();
    assertEquals(await gatewayState(lab.server), before);
  },
);

await labTest(
  "an interface that alone was forwarded from goes on, and has its setting back",
  ["nft", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    const internet = await addInternet(lab);
    const bystander = await addNeighbour(lab, "bystander", lab.server, 9);
    await internet.machine.run("ip", "route", "add", addressesOf(9)[0], "via", SERVER_OUTSIDE[0]);
    for (const { near } of [internet, bystander]) {
      await write(lab, `net/ipv4/conf/${near}/forwarding`, "1");
    }
    await write(lab, "net/ipv4/conf/all/accept_redirects", "0");
    const before = await gatewayState(lab.server);
    const server = await lab.startSecureServer("--forward");
    assert(await reaches(bystander.machine, INTERNET[0]));
    await server.stop();
    assertEquals(await gatewayState(lab.server), before);
  },
);

await labTest(
  "a bridge goes on to pass what its ports send each other",
  ["nft", "ping"],
  async () => {
    await using lab = await TunnelLab.open();
    // Where br_netfilter is loaded, packet filters see that; else there is nothing that could drop it.
    const bridged = async (bridge: string): Promise<Machine> => {
      const guests = await Promise.all([1, 2].map((n) => lab.lab.machine(`${bridge}-${n}`)));
      await lab.server.run("ip", "link", "add", bridge, "type", "bridge");
      await lab.server.run("ip", "link", "set", bridge, "up");
      for (const [i, guest] of guests.entries()) {
        const { one } = await lab.lab.cable(lab.server, [], guest, [`192.0.2.${i + 1}/24`]);
        await lab.server.run("ip", "link", "set", one, "master", bridge);
      }
      return guests[0]!;
    };
    const guest = await bridged("br0");
    assert(await eventually(() => reaches(guest, "192.0.2.2"), Boolean));
    await lab.startSecureServer("--nat");
    assert(await reaches(guest, "192.0.2.2"));
    const later = await bridged("br1");
    assert(await eventually(() => reaches(later, "192.0.2.2"), Boolean, 60_000));
  },
);

await labTest("what a killed gateway left is put back by the next start, and by cleanup", [
  "nft",
], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  await lab.server.run("nft", ADMINISTRATORS_RULES);
  const before = await gatewayState(lab.server);

  await (await lab.startSecureServer("--nat")).stop("SIGKILL");
  assertMatch(await gatewayState(lab.server), /ipv4\/ip_forward:1[^]*table inet simplevpn_/);
  const next = await lab.startSecureServer("--nat", "--tun", "an.other@1");
  assertMatch(next.stderr, /Put back what a server had changed/);
  assertMatch(next.stderr, /did not forward IPv4 and IPv6 before/);
  await next.stop();
  assertEquals(await gatewayState(lab.server), before);

  await (await lab.startSecureServer("--forward")).stop("SIGKILL");
  await lab.manage("cleanup");
  assertEquals(await gatewayState(lab.server), before);

  await (await lab.startSecureServer("--nat")).stop("SIGKILL");
  await (await lab.startSecureServer()).stop();
  assertEquals(await gatewayState(lab.server), before);
});

await labTest("what somebody else changed meanwhile stays", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const { near } = await addInternet(lab);
  const server = await lab.startSecureServer("--nat");
  await write(lab, `net/ipv6/conf/${near}/accept_ra`, "0");
  await write(lab, `net/ipv4/conf/all/forwarding`, "0");
  await server.stop();
  const state = await gatewayState(lab.server);
  assertMatch(state, new RegExp(`ipv6/conf/${near}/accept_ra:0`));
  assertMatch(state, /ipv4\/conf\/all\/forwarding:0/);
  assertMatch(state, /ipv6\/conf\/all\/forwarding:0/);
});

await labTest(
  "a server keeps the default route that it has from router advertisements",
  ["nft", "python3"],
  async () => {
    await using lab = await TunnelLab.open();
    const internet = await addInternet(lab);
    const routes = (): Promise<string> => lab.server.run("ip", "-6", "route", "show", "default");
    await advertise(internet);
    assertMatch(await eventually(routes, (text) => text !== ""), /via fe80::2 /);
    const server = await lab.startSecureServer("--nat");
    assertMatch(await routes(), /via fe80::2 /);
    await lab.server.run("ip", "-6", "route", "flush", "default");
    assertEquals(await routes(), "");
    await advertise(internet);
    assertMatch(await eventually(routes, (text) => text !== ""), /via fe80::2 /);
    await server.stop();
    assertMatch(await routes(), /via fe80::2 /);
  },
);

await labTest("a firewall that drops is told of, with what mends it", ["nft", "ping"], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  const client = await lab.addClient();
  await lab.server.run(
    "nft",
    "table ip filter { chain FORWARD { type filter hook forward priority filter; policy drop; }; }",
  );
  const server = await lab.startSecureServer("--nat", ...INTERNET_ROUTES);
  const [, mend] = await server.waitFor(
    /may drop what simplevpn0 has forwarded \(nftables, table ip filter, chain FORWARD\): .* with: (.*)/,
  );
  await lab.join(client, "pi");
  assert(!await reaches(client.machine, INTERNET[0]));
  for (const command of mend!.split("; ")) await lab.server.run(...command.split(" "));
  assert(await reaches(client.machine, INTERNET[0]));
  await server.stop();
  const { stderr } = await lab.startSecureServer("--nat");
  assert(!stderr.includes("may drop"), stderr);
});

await labTest("rules that somebody flushed come back", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startSecureServer("--nat");
  const before = await gatewayState(lab.server);
  await lab.server.run("nft", "flush", "ruleset");
  await server.waitFor(/table inet simplevpn_simplevpn0 was gone/, 60_000);
  assertEquals(await gatewayState(lab.server), before);
});

await labTest(
  "a note from before a reboot, or of another namespace, is not followed",
  ["nft"],
  async () => {
    await using lab = await TunnelLab.open();
    const note = `${lab.state}/gateway.json`;
    for (const key of ["bootId", "namespace"]) {
      await (await lab.startSecureServer("--nat")).stop("SIGKILL");
      const left = await gatewayState(lab.server);
      const text = await Deno.readTextFile(note);
      await Deno.writeTextFile(note, JSON.stringify({ ...JSON.parse(text), [key]: "another" }));
      await lab.manage("cleanup");
      assertEquals(await gatewayState(lab.server), left);
      await Deno.writeTextFile(note, text);
      await lab.manage("cleanup");
      assertNotEquals(await gatewayState(lab.server), left);
      assertEquals(await Deno.stat(note).catch(() => undefined), undefined);
    }
  },
);

await labTest(
  "programs that rely on forwarding are told of, whenever they start",
  ["nft"],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startSecureServer("--forward");
    assert(!server.stderr.includes("seems to forward"), server.stderr);
    await lab.server.run("nft", ADMINISTRATORS_RULES);
    await server.waitFor(/seems to forward, too \(nftables, table ip nat\)/, 60_000);
  },
);

await labTest("of two gateways the last one puts back", ["nft", "ping"], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  const client = await lab.addClient();
  const before = await gatewayState(lab.server);
  const first = await lab.startSecureServer("--nat", "--state", `${lab.lab.folder}/first`);
  const options = ["-p", "2003", "--network", "10.9.0.0/16", ...INTERNET_ROUTES];
  const second = await lab.startSecureServer("--nat", ...options);
  const invite = await lab.invite(client, "pi");
  const process = client.machine.start(lab.secureCommand(client, invite));
  await process.waitFor(/Connected to/);
  for (const address of INTERNET) assert(await reaches(client.machine, address), address);
  await first.stop();
  for (const address of INTERNET) assert(await reaches(client.machine, address), address);
  await second.stop();
  assertEquals(await gatewayState(lab.server), before);
});

await labTest(
  "of two gateways the one with IPv6 puts that back, if the other has none",
  ["nft"],
  async () => {
    await using lab = await TunnelLab.open();
    await addInternet(lab);
    const before = await gatewayState(lab.server);
    const others = ["-p", "2003", "--network", "10.9.0.0/16"];
    const first = await lab.startSecureServer(
      ...["--nat", "--no-ipv6", "--state", `${lab.lab.folder}/first`],
    );
    const without = await gatewayState(lab.server);
    const second = await lab.startSecureServer("--nat", ...others);
    assertMatch(await gatewayState(lab.server), /ipv6\/conf\/all\/forwarding:1/);
    await second.stop();
    assertEquals(settingsIn(await gatewayState(lab.server)), settingsIn(without));
    await first.stop();
    assertEquals(await gatewayState(lab.server), before);
  },
);

await labTest("a third gateway has what the first two turned on", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  const before = await gatewayState(lab.server);
  const start = (n: number, ...options: string[]): Promise<LabProcess> => {
    const own = ["--network", `10.${n}.0.0/16`, "--state", `${lab.lab.folder}/${n}`];
    return lab.startSecureServer("--forward", "-p", `${2002 + n}`, ...own, ...options);
  };
  const first = await start(1, "--no-ipv6");
  const second = await start(2);
  const third = await start(3);
  const all = await gatewayState(lab.server);
  await second.stop();
  await first.stop();
  for (const version of ["ipv4", "ipv6"]) {
    const line = new RegExp(`${version}/conf/all/forwarding:1`);
    assertMatch(all, line);
    assertMatch(await gatewayState(lab.server), line);
  }
  await third.stop();
  assertEquals(await gatewayState(lab.server), before);
});

await labTest("without nft --nat says what to install", [], async () => {
  await using lab = await TunnelLab.open();
  const command = withEmptyFolder("/usr/sbin", lab.serverCommand("--nat"));
  const output = await ending(lab.server.start(command));
  assertEquals(output.code, 1, output.stderr);
  assertMatch(output.stderr, /^simplevpn-server: --nat needs nft: apt-get install nftables$/m);
});

await labTest("a gateway in a container says what that needs, in one line", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  const before = await gatewayState(lab.server);
  const output = await ending(lab.server.start(withReadOnlySettings(lab.serverCommand("--nat"))));
  assertOneLine(output, 1, /read-only.*a container must be started with forwarding on \(--sysctl/);
  assertEquals(await gatewayState(lab.server), before);
});

await labTest("cleanup leaves a running server alone", ["nft"], async () => {
  await using lab = await TunnelLab.open();
  await addInternet(lab);
  const command = [...program("server", SOURCE), "cleanup", "--state", lab.state];
  const server = await lab.startSecureServer("--nat");
  const during = await gatewayState(lab.server);
  assertEquals(await lab.server.run(...command), "There was nothing to undo\n");
  assertEquals(await gatewayState(lab.server), during);
  await server.stop("SIGKILL");
  assertEquals(
    await lab.server.run(...command),
    "Undone: forwarding and its packet filter\n",
  );
  assertNotEquals(await gatewayState(lab.server), during);
});

/** The kernel's settings in what gatewayState() gives, those of TUN devices left out. */
function settingsIn(state: string): string {
  return state.slice(0, state.indexOf("table ")).replaceAll(/^.*\/simplevpn\d+\/.*\n/gm, "");
}

/** The packet filters in what gatewayState() gives. */
function rulesIn(state: string): string {
  return state.slice(state.indexOf("table "));
}

async function write({ server }: TunnelLab, name: string, value: string): Promise<void> {
  await server.run("sh", "-c", 'echo "$1" > "/proc/sys/$2"', "sh", value, name);
}
