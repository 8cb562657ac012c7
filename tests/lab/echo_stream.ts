/**
 * One TCP connection that is never at rest, for tests of what a tunnel's inner connections survive.
 *
 *   echo_stream.ts serve ADDRESS PORT   sends back whatever comes
 *   echo_stream.ts dial ADDRESS PORT    sends "1", "2", ... and says "echo N" for each that comes back
 */
const PAUSE = 50;

async function serve(hostname: string, port: number): Promise<void> {
  using listener = Deno.listen({ hostname, port });
  console.error("listening");
  for await (const connection of listener) {
    await connection.readable.pipeTo(connection.writable);
  }
}

async function dial(hostname: string, port: number): Promise<void> {
  const connection = await Deno.connect({ hostname, port });
  const encoder = new TextEncoder();
  let sent = 0;
  setInterval(() => connection.write(encoder.encode(`${++sent}\n`)), PAUSE);
  for await (const text of connection.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of text.trimEnd().split("\n")) console.error(`echo ${line}`);
  }
}

const [role, address, port] = Deno.args;
await (role === "serve" ? serve : dial)(address!, Number(port));
