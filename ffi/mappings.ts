/** A stretch of a process's memory. */
export interface Mapping {
  readonly start: number;
  readonly length: number;
}

/** Permissions of what is read or executed but never written, and not shared (proc_pid_maps(5)). */
const HEADER = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +\//;
const UNCHANGED = /^Anonymous: +0 kB$/m;

/**
 * Finds what a process maps of files to read or execute only, and of which no page was ever changed:
 * such pages can be had from the file again at any time.
 *
 * @param smaps the text of /proc/PID/smaps
 */
export function unchangedFileMappings(smaps: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const block of smaps.split(/\n(?=[0-9a-f]+-)/)) {
    const header = block.match(HEADER);
    if (header === null || !UNCHANGED.test(block)) continue;
    const start = parseInt(header[1]!, 16);
    mappings.push({ start, length: parseInt(header[2]!, 16) - start });
  }
  return mappings;
}
