/** Lines of a log that tell why something failed. */
const LINES = 10;

/** The last lines of a log. */
export function tail(log: string): string {
  return log.trimEnd().split("\n").slice(-LINES).join("\n");
}
