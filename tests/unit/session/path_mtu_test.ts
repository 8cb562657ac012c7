import { assert, assertEquals } from "@std/assert";
import {
  DATAGRAM_LEAST,
  DATAGRAM_MOST,
  PROBE_AGAIN,
  PROBE_RAISE,
} from "../../../lib/session/limits.ts";
import { PathMtu } from "../../../lib/session/path_mtu.ts";

/** A path that lets datagrams up to a length pass, at once. */
class Path {
  now = 0;
  /** What passes, and what this machine believes to. */
  passes = DATAGRAM_MOST;
  believed = DATAGRAM_MOST;
  /** What the other end was told, and what this end was. */
  told = 0;
  changes: number[] = [];
  probes = 0;
  readonly mtu: PathMtu;

  constructor(passes: number) {
    this.passes = passes;
    const answers: number[] = [];
    this.mtu = new PathMtu({
      longest: () => this.believed,
      probe: (length, longest) => {
        this.probes++;
        if (length > this.passes) return;
        this.told = longest;
        answers.push(length);
      },
      changed: (longest) => this.changes.push(longest),
    }, 0);
    this.#answers = answers;
  }

  readonly #answers: number[];

  run(time: number): void {
    for (const end = this.now + time; this.mtu.deadline <= end;) {
      this.now = this.mtu.deadline;
      this.mtu.advance(this.now);
      for (const length of this.#answers.splice(0)) this.mtu.answered(length, this.now);
    }
    this.now += 1;
  }
}

Deno.test("PathMtu keeps what the machine believes where that passes, and asks seldom", () => {
  const path = new Path(DATAGRAM_MOST);
  path.run(10 * PROBE_AGAIN);
  assertEquals([path.mtu.longest, path.told, path.changes], [DATAGRAM_MOST, DATAGRAM_MOST, []]);
  assert(path.probes <= 12);
});

Deno.test("PathMtu falls back within some seconds, and tells both ends", () => {
  const path = new Path(1300);
  path.run(5000);
  assertEquals(path.changes, [DATAGRAM_LEAST]);
  assertEquals(path.told, DATAGRAM_LEAST);
});

Deno.test("PathMtu notices a path that gets narrower, and later one that gets wider again", () => {
  const path = new Path(DATAGRAM_MOST);
  path.run(5000);
  path.passes = 1300;
  path.run(PROBE_AGAIN + 5000);
  assertEquals([path.changes, path.told], [[DATAGRAM_LEAST], DATAGRAM_LEAST]);
  path.run(2 * PROBE_RAISE);
  assertEquals(path.mtu.longest, DATAGRAM_LEAST);
  path.passes = DATAGRAM_MOST;
  path.run(2 * PROBE_RAISE);
  assertEquals(path.changes, [DATAGRAM_LEAST, DATAGRAM_MOST]);
  assertEquals(path.told, DATAGRAM_MOST);
});

Deno.test("PathMtu believes the machine when that knows of a narrower path", () => {
  const path = new Path(DATAGRAM_MOST);
  path.run(5000);
  path.believed = 1400;
  path.run(PROBE_AGAIN + 1000);
  assertEquals([path.changes, path.told], [[1400], 1400]);
});

Deno.test("PathMtu takes no answer to what it did not ask", () => {
  const path = new Path(0);
  path.mtu.answered(DATAGRAM_MOST, 0);
  path.run(5000);
  path.passes = DATAGRAM_LEAST;
  path.run(5000);
  path.mtu.answered(DATAGRAM_MOST, path.now);
  assertEquals(path.mtu.longest, DATAGRAM_LEAST);
});

Deno.test("PathMtu draws no conclusion from a path that lets nothing pass", () => {
  const path = new Path(DATAGRAM_MOST);
  path.run(5000);
  path.passes = 0;
  path.run(PROBE_AGAIN + 20_000);
  assertEquals(path.changes, []);
  path.passes = DATAGRAM_MOST;
  path.run(10_000);
  assertEquals([path.changes, path.told], [[], DATAGRAM_MOST]);
  path.passes = 1300;
  path.run(PROBE_AGAIN + 5000);
  assertEquals([path.changes, path.told], [[DATAGRAM_LEAST], DATAGRAM_LEAST]);
});
