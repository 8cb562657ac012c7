/** As much of HTTP/1.1 (RFC 9112) as it takes to hand out one text: a request's head in, an answer out. */

/** Bytes of a request's head at the most. */
export const HEAD_MOST = 8192;

/** What a head ends with. */
export const HEAD_END = "\r\n\r\n";

/** One of the two words that matter, and the path, from a request's first line (RFC 9112, 3). */
const REQUEST_LINE = /^([A-Z]+) (\/[!-~]*) HTTP\/1\.[01]\r\n/;

/** What is to be done about a request. */
export type HttpRequest =
  | { path: string; isHead: boolean }
  | { refusal: string };

/** @param head of a request, HEAD_END included */
export function readRequest(head: string): HttpRequest {
  const match = REQUEST_LINE.exec(head);
  if (match === null) {
    return { refusal: formatAnswer("400 Bad Request", "No request of HTTP/1.1\n") };
  }
  const [, method, target] = match;
  if (method !== "GET" && method !== "HEAD") {
    return { refusal: formatAnswer("405 Method Not Allowed", "GET is all\n", "Allow: GET, HEAD") };
  }
  return { path: target!.replace(/\?.*$/, ""), isHead: method === "HEAD" };
}

/**
 * An answer, after which the connection is to be closed.
 *
 * @param status code and reason
 * @param fields lines of its head, without the line ends
 */
export function formatAnswer(status: string, body: string, ...fields: string[]): string {
  const { length } = new TextEncoder().encode(body);
  const own = fields.some((field) => field.startsWith("Content-Type:"))
    ? []
    : ["Content-Type: text/plain; charset=utf-8"];
  return [
    `HTTP/1.1 ${status}`,
    ...own,
    ...fields,
    `Content-Length: ${length}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** An answer without its body, as it is due to a HEAD request. */
export function headOf(answer: string): string {
  return answer.slice(0, answer.indexOf(HEAD_END) + HEAD_END.length);
}
