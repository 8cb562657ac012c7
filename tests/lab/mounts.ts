/**
 * Commands that see some file or folder otherwise than it is. `ip netns exec` gives every command
 * mounts of its own, so nobody else sees the difference, and it goes with the command.
 */

/** The command, seeing `file` in the place of `target`. Later changes to `file` are seen as well. */
export function withFile(target: string, file: string, command: readonly string[]): string[] {
  return ["sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", file, target]
    .concat(command);
}

/** The command, seeing an empty folder in the place of `target`. */
export function withEmptyFolder(target: string, command: readonly string[]): string[] {
  return ["sh", "-c", 'mount -t tmpfs none "$1" && shift && exec "$@"', "sh", target]
    .concat(command);
}

/** The command, seeing a full disk with the files of `folder` in that one's place. */
export function withFullDisk(folder: string, command: readonly string[]): string[] {
  const script = `
    mkdir -p "$1" && mount -t tmpfs -o size=64k,mode=700 none /mnt && cp -p "$1"/* /mnt/
    dd if=/dev/zero of=/mnt/filler bs=4k 2>/dev/null
    mount --bind /mnt "$1" && shift && exec "$@"`;
  return ["sh", "-c", script, "sh", folder, ...command];
}

/** The command, which may write no setting of the kernel, as in a container. */
export function withReadOnlySettings(command: readonly string[]): string[] {
  const script =
    'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"';
  return ["sh", "-c", script, "sh", ...command];
}
