/** All of stdin, as text. */
export function readAll(): Promise<string> {
  return new Response(Deno.stdin.readable).text();
}
