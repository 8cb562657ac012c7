/** How a client finds its server: names, IPv4 and IPv6. */
import { assertStringIncludes } from "@std/assert";
import { launchByName } from "./server_name.ts";
import { connected, labTest, TunnelLab } from "./tunnel_lab.ts";

for (const [how, bracket] of [["as it is", "$&"], ["in brackets", "[$&]"]] as const) {
  await labTest(
    `a client reaches a server by an IPv6 address, written ${how}`,
    ["ping"],
    async () => {
      await using lab = await TunnelLab.open();
      const server = await lab.startServer();
      const client = await lab.addClient();
      const { process, address } = await lab.startClient(
        client,
        "-s",
        client.server6.replace(/.+/, bracket),
      );
      assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002`);
      await server.waitFor(new RegExp(`joined from ${client.host6} `));
      await client.machine.run("ping", "-c", "1", "-W", "5", "10.0.0.1");
      await lab.server.run("ping", "-c", "1", "-W", "5", address);
    },
  );
}

await labTest("a client reaches a server by a link-local address", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  await lab.server.run(..."ip address add fe80::1/64 dev eth0 nodad".split(" "));
  await client.machine.run(..."ip address add fe80::2/64 dev eth1 nodad".split(" "));
  await lab.startClient(client, "-s", "fe80::1%eth1");
  await server.waitFor(/joined from fe80::2/);
});

await labTest("a server that listens on one IPv6 address is reached there", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await lab.startServer("--listen", client.server6, "-p", "443");
  await lab.startClient(client, "-s", client.server6, "-p", "443");
});

await labTest("a client reaches a server on a machine without IPv6", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await lab.server.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
  const server = await lab.startServer();
  await lab.startClient(client);
  await server.waitFor(new RegExp(`joined from ${client.host} `));
});

await labTest("a client prefers IPv6 where a name has both", [], async () => {
  await using lab = await TunnelLab.open();
  await lab.startServer();
  const client = await lab.addClient();
  const { process } = await launchByName(lab, client, [client.server, client.server6]);
  await connected(process);
  assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002`);
});

await labTest("a client goes on to IPv4 when nobody listens on IPv6", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await lab.startServer("--listen", client.server);
  const { process } = await launchByName(lab, client, [client.server6, client.server]);
  await connected(process);
  assertStringIncludes(process.stderr, `Connected to ${client.server}:2002`);
});

await labTest("a client goes on to IPv6 when nobody listens on IPv4", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  await lab.startServer("--listen", client.server6);
  const { process } = await launchByName(lab, client, [client.server, client.server6]);
  await connected(process);
  assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002`);
});

await labTest("a client asks for its server's address anew at each attempt", [], async () => {
  await using lab = await TunnelLab.open();
  const server = await lab.startServer();
  const client = await lab.addClient();
  // First the name stands for the client's own machine, where nobody listens.
  const { process, rename } = await launchByName(lab, client, [client.host]);
  await process.waitFor(/No connection to server\.test port 2002: .*ECONNREFUSED/);
  await rename([client.server]);
  await connected(process);

  await server.stop();
  await process.waitFor(/Lost the connection/);
  const from = process.stderr.length;
  await lab.startServer("--listen", client.server6);
  await rename([client.server6]);
  await connected(process, undefined, from);
  assertStringIncludes(process.stderr, `Connected to [${client.server6}]:2002`);
});

await labTest(
  "a client that was connected outlives a name that is gone for a while",
  [],
  async () => {
    await using lab = await TunnelLab.open();
    const server = await lab.startServer();
    const client = await lab.addClient();
    const { process, rename } = await launchByName(lab, client, [client.server]);
    await connected(process);
    await rename([]);
    const from = process.stderr.length;
    await server.stop();
    await process.waitFor(/No connection to server\.test port 2002: .*refused/, undefined, from);
    await lab.startServer();
    // By the address that the name had.
    await connected(process, 20_000, from);
  },
);

await labTest("a client says so when what answers is no simplevpn server", [], async () => {
  await using lab = await TunnelLab.open();
  const client = await lab.addClient();
  const banner = `for await (const connection of Deno.listen({ port: 2002 })) {
      await connection.write(new TextEncoder().encode("SSH-2.0-banner\\r\\n"));
    }`;
  lab.server.start([Deno.execPath(), "eval", banner]);
  const process = lab.launchClient(client);
  await process.waitFor(/No connection to .* \(is it a simplevpn server\?\); trying on/);
});
