import { type Finding, warning } from "../../lib/doctor/finding.ts";

/** One or more questions about this machine, asked within a time limit. */
export interface Check {
  /** Under this name it is told that the check itself failed. */
  name: string;
  run(): Promise<Finding[]> | Finding[];
}

/** Milliseconds that a check may take: more than all of its own waits together. */
const CHECK_TIME = 14_000;

/** Runs checks that have nothing to do with each other, together. The findings come in their order. */
export async function runChecks(checks: readonly Check[]): Promise<Finding[]> {
  return (await Promise.all(checks.map(runCheck))).flat();
}

/** A check that fails says so, and takes nothing from the others. */
async function runCheck({ name, run }: Check): Promise<Finding[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Finding[]>((resolve) => {
    timer = setTimeout(
      () => resolve([unfinished(name, `it took more than ${CHECK_TIME / 1000} s`)]),
      CHECK_TIME,
    );
  });
  try {
    return await Promise.race([run(), late]);
  } catch (error) {
    return [unfinished(name, (error as Error).message)];
  } finally {
    clearTimeout(timer);
  }
}

function unfinished(name: string, reason: string): Finding {
  return warning(name, `This could not be checked: ${reason}`, {});
}
