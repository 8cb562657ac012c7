import { assert, assertEquals } from "@std/assert";
import { formatAnswer, HEAD_END, headOf, readRequest } from "../../../lib/status/http.ts";
import { Random } from "../../random.ts";

Deno.test("readRequest() gives the path, and whether the body is wanted", () => {
  const read = (line: string): unknown => readRequest(`${line}\r\nHost: x${HEAD_END}`);
  assertEquals(read("GET /metrics HTTP/1.1"), { path: "/metrics", isHead: false });
  assertEquals(read("GET /metrics?a=/b?c HTTP/1.0"), { path: "/metrics", isHead: false });
  assertEquals(read("HEAD / HTTP/1.1"), { path: "/", isHead: true });
  assertEquals(readRequest(`GET /x HTTP/1.1${HEAD_END}`), { path: "/x", isHead: false });
});

Deno.test("readRequest() refuses what is no request, and methods that would change something", () => {
  const refusal = (head: string): string => {
    const request = readRequest(head);
    return "refusal" in request ? request.refusal : "";
  };
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"]) {
    assert(refusal(`${method} /metrics HTTP/1.1${HEAD_END}`).startsWith("HTTP/1.1 405 "));
  }
  for (
    const line of [
      "",
      "GET",
      "GET /",
      "get / HTTP/1.1",
      "GET  / HTTP/1.1",
      "GET / HTTP/2",
      "GET é HTTP/1.1",
    ]
      .concat(["GET http://x/ HTTP/1.1", "GET /\0 HTTP/1.1", "\x16\x03\x01", "GET / HTTP/1.1\n"])
  ) {
    assert(refusal(`${line}${HEAD_END}`).startsWith("HTTP/1.1 400 "), line);
  }
});

Deno.test("readRequest() answers anything with a request or a refusal, and repeats nothing of it", () => {
  const random = new Random(11);
  for (let i = 0; i < 5_000; i++) {
    const head = random.garble(`GET /metrics HTTP/1.1${HEAD_END}`, "GETHAD /?\r\n.12\0é");
    const request = readRequest(head);
    if ("path" in request) assert(/^\/[!-~]*$/.test(request.path) && !request.path.includes("?"));
    else assert(/^HTTP\/1\.1 40[05] /.test(request.refusal));
  }
});

Deno.test("formatAnswer() says how many bytes its body has, and what they are", () => {
  const answer = formatAnswer("200 OK", "é\n", "Content-Type: text/x");
  assertEquals(
    answer,
    "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\né\n",
  );
  assertEquals(headOf(answer), answer.slice(0, -2));
  assert(formatAnswer("404 Not Found", "no\n").includes("Content-Type: text/plain; charset=utf-8"));
});
