import type { MetricsEndpoint } from "../lib/config/values.ts";
import { CONTENT_TYPE, formatMetrics, type MetricFamily } from "../lib/status/exposition.ts";
import { formatAnswer, HEAD_END, HEAD_MOST, headOf, readRequest } from "../lib/status/http.ts";
import { BoundedServer } from "./bounded_server.ts";
import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { readToEnd, writeAll } from "./stream_text.ts";

const LOOPBACK = /^(127\.|::1$)/;

/**
 * Hands metrics out over HTTP, under /metrics. Not by Deno.serve(), which bounds neither the number of
 * connections nor the time that they take.
 *
 * @param gather gives them as they are now
 * @throws {Failure} if nobody can listen there
 */
export function serveMetrics(
  { host, port }: MetricsEndpoint,
  gather: () => Promise<readonly MetricFamily[]>,
): BoundedServer<Deno.NetAddr> {
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const server = new BoundedServer(listen(host, port, where), (connection) => {
    return answer(connection, gather);
  });
  log.info("Metrics are at http://{where}/metrics", { where });
  if (!LOOPBACK.test(host)) {
    log.warn("Whoever reaches {where} can read the metrics, which name all peers", { where });
  }
  return server;
}

function listen(hostname: string, port: number, where: string): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw new Failure(
      `Cannot serve metrics at ${where}: ${(error as Error).message}: choose another address or ` +
        "port with --metrics",
    );
  }
}

async function answer(
  connection: Deno.Conn,
  gather: () => Promise<readonly MetricFamily[]>,
): Promise<void> {
  const head = await readToEnd(connection, HEAD_MOST, HEAD_END);
  const request = readRequest(`${head}${HEAD_END}`);
  if ("refusal" in request) return await writeAll(connection, request.refusal);
  const text = request.path === "/metrics"
    ? formatAnswer("200 OK", formatMetrics(await gather()), `Content-Type: ${CONTENT_TYPE}`)
    : formatAnswer("404 Not Found", "There is /metrics, and nothing else\n");
  await writeAll(connection, request.isHead ? headOf(text) : text);
}
