/** Asks a packet worker for a report; who asks before it has come is given the same one. */
export class Enquiry<Report> {
  readonly #ask: () => void;
  #pending: PromiseWithResolvers<Report> | undefined;

  /** @param ask sends the question, which `answered()` answers */
  constructor(ask: () => void) {
    this.#ask = ask;
  }

  report(): Promise<Report> {
    if (this.#pending === undefined) {
      this.#pending = Promise.withResolvers();
      this.#ask();
    }
    return this.#pending.promise;
  }

  answered(report: Report): void {
    this.#pending?.resolve(report);
    this.#pending = undefined;
  }
}
