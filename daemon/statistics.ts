import type { Counters } from "../lib/session/counters.ts";
import { log } from "./logging.ts";

/**
 * Logs the packet counters whenever SIGUSR2 comes.
 *
 * @param describe what else there is to say, as one line
 */
export function reportCounters(counters: Counters, describe?: () => string): void {
  Deno.addSignalListener("SIGUSR2", () => {
    if (describe) log.info(describe());
    const { packets, bytes, drops } = counters.read();
    log.info("Packets {packets}, bytes {bytes}, drops {drops}", {
      packets: JSON.stringify(packets),
      bytes: JSON.stringify(bytes),
      drops: JSON.stringify(drops),
    });
  });
}
