import { assert, assertEquals } from "@std/assert";
import { CookieJar } from "../../../lib/session/cookie_jar.ts";
import { COOKIE_LIFETIME } from "../../../lib/session/limits.ts";
import { Random } from "../../random.ts";

const ADDRESS = Uint8Array.of(192, 0, 2, 1, 7, 210);

function jar(): CookieJar {
  const random = new Random(3);
  return new CookieJar(() => random.bytes(32), 0);
}

Deno.test("a cookie is good for the address and port that it was given to alone", () => {
  const cookies = jar();
  const cookie = cookies.bake(ADDRESS, 5);
  assertEquals(cookie.length, 16);
  assert(cookies.isFresh(cookie, ADDRESS, 6));
  const other = ADDRESS.slice();
  other[5] = 211;
  assert(!cookies.isFresh(cookie, other, 6));
  assert(!cookies.isFresh(new Uint8Array(16), ADDRESS, 6));
});

Deno.test("a cookie lasts until the secret has changed twice", () => {
  for (const baked of [0, 1000, COOKIE_LIFETIME - 1]) {
    const cookies = jar();
    const cookie = cookies.bake(ADDRESS, baked);
    assert(cookies.isFresh(cookie, ADDRESS, COOKIE_LIFETIME));
    assert(cookies.isFresh(cookie, ADDRESS, 2 * COOKIE_LIFETIME - 1));
    assert(!cookies.isFresh(cookie, ADDRESS, 2 * COOKIE_LIFETIME));
  }
  const cookies = jar();
  const cookie = cookies.bake(ADDRESS, 0);
  assert(!cookies.isFresh(cookie, ADDRESS, 10 * COOKIE_LIFETIME));
});
