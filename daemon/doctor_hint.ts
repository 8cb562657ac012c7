import { log } from "./logging.ts";

/** Milliseconds of trying after which a person may want to know more. */
const PATIENCE = 30_000;

/** Says once who finds out why no connection comes about, unless `cancel()` is called before. */
export class DoctorHint {
  readonly #timer = setTimeout(() => {
    log.info('Not connected yet; "simplevpn-client doctor", with the same options, finds out more');
  }, PATIENCE);

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
