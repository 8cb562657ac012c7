import { assertEquals, assertThrows } from "@std/assert";
import { parseJson } from "../../../lib/config/parse_json.ts";

Deno.test("parseJson() gives what JSON.parse() gives", () => {
  for (const value of [{ a: [1, null, "x\n"] }, "text", 5, false, null, []]) {
    assertEquals(parseJson(JSON.stringify(value, null, 2)), value);
  }
});

Deno.test("parseJson() says that a text is none in one line, and repeats nothing of it", () => {
  const whole = JSON.stringify({ token: "QQ\nQQ", list: ["QQQ"] }, null, 2);
  const damaged = Array.from(whole, (_, i) => whole.slice(0, i))
    .concat(
      Array.from(whole, (_, i) => `${whole.slice(0, i)}QQQ\n${whole.slice(i)}`),
      "QQQ\n",
    )
    .filter((text) => !isJson(text));
  for (const text of damaged) {
    const { message } = assertThrows(() => parseJson(text), SyntaxError, "It is no JSON");
    assertEquals(/[Q\n]/.test(message), false, message);
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
