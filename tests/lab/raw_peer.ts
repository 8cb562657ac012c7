/**
 * Somebody who connects and says what he likes, for tests of what a server puts up with.
 *
 *   raw_peer.ts ADDRESS PORT COUNT [HEX]
 *
 * Opens COUNT connections one after the other, sends the bytes HEX on each, and says on stderr
 * "open", what comes back as "received HEX", and "closed". It keeps them as long as the server does.
 */
const [hostname, port, count, text] = Deno.args;
const bytes = Uint8Array.fromHex(text ?? "");

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
  await connection.write(bytes);
  console.error("open");
  connections.push(listenTo(connection));
}
await Promise.all(connections);
