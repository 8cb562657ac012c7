import { Failure } from "./failure.ts";
import { log } from "./logging.ts";
import { type CommandResult, runCommand } from "./run_command.ts";

/** Runs nft; undefined if it is not installed. */
export async function tryNft(
  args: readonly string[],
  input?: string,
): Promise<CommandResult | undefined> {
  try {
    return await runCommand(["nft", ...args], input === undefined ? {} : { input });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Failure(`Cannot run nft: ${(error as Error).message}`);
  }
}

/** Makes what a ruleset says, all of it or nothing. @throws {Failure} */
export async function applyRuleset(ruleset: string): Promise<void> {
  log.debug("nft -f - : {ruleset}", { ruleset });
  const result = await tryNft(["-f", "-"], ruleset);
  if (result === undefined) throw new Failure("nft is not installed any more");
  if (result.code === 0) return;
  const reason = result.stderr.split("\n")[0]!.replace(/^.*?Error: /, "");
  const advice = reason.includes("not permitted")
    ? "run as root (sudo), or with the ambient capability CAP_NET_ADMIN"
    : "does this kernel have nftables (Linux 5.7 or later)?";
  throw new Failure(`Cannot make the nftables table: nft says "${reason}": ${advice}`);
}

/** Deletes a table of family inet, if it is there. */
export async function deleteTable(table: string): Promise<void> {
  log.debug("nft delete table inet {table}", { table });
  await tryNft(["-f", "-"], `table inet ${table}\ndelete table inet ${table}\n`);
}

/** What nft prints of a table of family inet; undefined if there is none. */
export async function listTable(table: string): Promise<string | undefined> {
  const result = await tryNft(["list", "table", "inet", table]);
  return result?.code === 0 ? result.stdout : undefined;
}
