/** How bad a finding is. */
export type Level = "ok" | "note" | "warning" | "fault";

/** What a check found. The texts are for people; `check` and `level` are for programs, and stay. */
export interface Finding {
  /** Name of the check. */
  check: string;
  /** A fault keeps a tunnel from working; a warning may, or makes it worse; a note does neither. */
  level: Level;
  what: string;
  /** Why that is so, or what it does to a tunnel. */
  why?: string;
  /** What to do about it: commands where there are any. */
  mend?: string;
}

/** Why something is as it is, and what to do. */
export interface Advice {
  why?: string;
  mend?: string;
}

export function ok(check: string, what: string): Finding {
  return { check, level: "ok", what };
}

export function note(check: string, what: string, advice: Advice = {}): Finding {
  return { check, level: "note", what, ...advice };
}

export function warning(check: string, what: string, advice: Advice): Finding {
  return { check, level: "warning", what, ...advice };
}

/** What there is to say of several servers, of which one will do: then nothing of the others is a fault. */
export function ofSeveral(servers: readonly (readonly Finding[])[]): Finding[] {
  const isBad = (findings: readonly Finding[]): boolean =>
    findings.some(({ level }) => level === "fault");
  const all = servers.flat();
  if (servers.every(isBad)) return all;
  return all.map((finding) =>
    finding.level === "fault" ? { ...finding, level: "warning" } : finding
  );
}

/** Nobody is left alone with a fault. */
export function fault(check: string, what: string, advice: Required<Advice>): Finding {
  return { check, level: "fault", what, ...advice };
}
