/**
 * What clears up: waits for the end of its input, which comes when whoever opened the lab closes it
 * or is gone, then ends what runs in the lab's namespaces, and removes them, cgroups that are named
 * like them, and the folder.
 */
const CLEAR_UP = `
  trap "" INT TERM HUP
  cat > /dev/null
  for namespace in $(ip netns list | grep -o "^$1-[^ ]*"); do
    ip netns pids "$namespace" | xargs -r kill -9 2>/dev/null
    ip netns delete "$namespace"
  done
  for cgroup in /sys/fs/cgroup/"$1"-* /sys/fs/cgroup/*/"$1"-*; do
    [ -d "$cgroup" ] || continue
    # What was killed may take a moment to be gone.
    for _ in $(seq 100); do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.05
    done
  done
  rm -rf "$2"`;

/** Sees to it that nothing of a lab stays behind, also when its process is interrupted or killed. */
export class LabGuard {
  /** A folder that goes with the lab. */
  readonly folder = Deno.makeTempDirSync({ prefix: "simplevpn-lab-" });
  readonly #child: Deno.ChildProcess;

  /** @param prefix what the names of the lab's namespaces begin with, and no other's */
  constructor(prefix: string) {
    this.#child = new Deno.Command("sh", {
      args: ["-c", CLEAR_UP, "lab-guard", prefix, this.folder],
      stdin: "piped",
      stdout: "null",
    }).spawn();
  }

  /** Clears up. */
  async close(): Promise<void> {
    await this.#child.stdin.close();
    await this.#child.status;
  }
}
