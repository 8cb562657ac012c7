import { Failure } from "./failure.ts";
import { lockStateFile } from "./state_folder.ts";

/** Keeps every other server from the folder for as long as this one runs. @throws {Failure} */
export function holdServerFolder(folder: string): Disposable {
  const lock = lockStateFile(`${folder}/server.lock`, { wait: false });
  if (lock !== undefined) return lock;
  throw new Failure(
    `Another simplevpn-server is running with the state folder ${folder}: end that one first, or ` +
      "give this one a folder of its own with --state DIR",
  );
}
