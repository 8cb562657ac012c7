import type { BenchLab } from "./bench_lab.ts";

/** Something that is measured: a way from the client's machine to the server's. */
export interface Subject {
  name: string;
  /** Commands that it needs; what package they are in is in the lab's PREREQUISITES. */
  commands: readonly string[];
  /** Starts it and returns when the first ping was answered. */
  start(lab: BenchLab): Promise<Running>;
}

/** A subject that is up. */
export interface Running {
  /** The server's inner address: what the client's machine sends traffic to. */
  address: string;
  /** The programs that carry the traffic; undefined if it is the kernel alone. */
  programs: { server: number; client: number } | undefined;
  /** Milliseconds from the start of the client to the first ping answer; undefined without programs. */
  startTime: number | undefined;
  stop(): Promise<void>;
}
