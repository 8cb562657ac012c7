import { PathChaos } from "./path_chaos.ts";

for (const seed of [1, 2, 3, 4]) {
  Deno.test(`sessions over TCP and UDP come to order after any mishaps (seed ${seed})`, () => {
    const chaos = new PathChaos(seed);
    chaos.run(200);
    chaos.heal();
    chaos.checkPaths();
    chaos.checkTraffic();
  });
}
