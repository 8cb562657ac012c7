import { assertEquals } from "@std/assert";
import { LossHistory } from "../../../lib/session/loss_history.ts";
import { Random } from "../../random.ts";

Deno.test("LossHistory remembers the last seconds, as a plain list does", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const seconds = random.integer(1, 12);
    const history = new LossHistory(seconds);
    let model: [sent: number, lost: number][] = [[0, 0]];
    for (let i = 0; i < 100; i++) {
      const [sent, lost] = [random.integer(0, 200), random.integer(-3, 10)];
      history.add(sent, lost);
      model[0] = [model[0]![0] + sent, model[0]![1] + lost];
      if (random.integer(0, 2) === 0) {
        history.next();
        model = [[0, 0] as [number, number], ...model].slice(0, seconds + 1);
      }
      const [all, gone] = [0, 1].map((i) => model.reduce((sum, pair) => sum + pair[i]!, 0));
      const rate = all === 0 ? 0 : Math.min(Math.max(gone! / all!, 0), 1);
      assertEquals([history.sent, history.rate], [all, rate], `seed ${seed}`);
      const within = random.integer(1, 15);
      const bad = model.slice(1, 1 + within).filter(([sent, lost]) =>
        lost >= 2 && lost >= 0.02 * sent
      );
      assertEquals(history.badSeconds(within, 0.02, 2), bad.length, `seed ${seed}`);
    }
    history.clear();
    assertEquals([history.rate, history.badSeconds(15, 0, 0)], [0, Math.min(15, seconds)]);
  }
});
