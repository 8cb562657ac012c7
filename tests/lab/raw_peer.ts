/**
 * Somebody who connects and says what he likes, for tests of what a server puts up with.
 *
 *   raw_peer.ts ADDRESS PORT COUNT TIMES HEX
 *
 * Opens COUNT connections one after the other, sends the bytes HEX so many TIMES on each, and says on
 * stderr "open", what comes back as "received HEX", and "closed". It keeps them as long as the server
 * does.
 */
const [hostname, port, count, times, hex] = Deno.args;
const bytes = Uint8Array.fromHex(hex!.repeat(Number(times)));

async function listenTo(connection: Deno.TcpConn): Promise<void> {
  try {
    for await (const chunk of connection.readable) console.error(`received ${chunk.toHex()}`);
  } catch {
    // Reset rather than closed, which is as good an end.
  }
  console.error("closed");
}

const connections: Promise<void>[] = [];
for (let i = 0; i < Number(count); i++) {
  const connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
  console.error("open");
  connections.push(listenTo(connection));
}
await Promise.all(connections);
