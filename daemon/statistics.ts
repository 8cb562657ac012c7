import type { Counters } from "../lib/session/counters.ts";
import { log } from "./logging.ts";

/** Logs the packet counters whenever SIGUSR2 comes. */
export function reportCounters(counters: Counters): void {
  Deno.addSignalListener("SIGUSR2", () => {
    const { packets, bytes, drops } = counters.read();
    log.info("Packets {packets}, bytes {bytes}, drops {drops}", {
      packets: JSON.stringify(packets),
      bytes: JSON.stringify(bytes),
      drops: JSON.stringify(drops),
    });
  });
}
