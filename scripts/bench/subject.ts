import type { BenchLab } from "./bench_lab.ts";

/** Something that is measured: a way from the client's machine to the server's. */
export interface Subject {
  name: string;
  /** The programs of others that it needs; undefined if it needs none. */
  installation?: Installation;
  /** Starts it and returns when the first ping was answered. What it starts is stopped for it. */
  start(lab: BenchLab): Promise<Running>;
}

/** Programs that a machine may have or not. */
export interface Installation {
  commands: readonly string[];
  /** The command that gets them. */
  install: string;
  /** A command that tells its version; undefined if there is none. */
  version?: readonly string[];
}

/** A subject that is up. */
export interface Running {
  /** The server's inner address: what the client's machine sends traffic to. */
  address: string;
  /** The programs that carry the traffic; undefined if it is the kernel alone. */
  programs: { server: number; client: number } | undefined;
  /** Milliseconds from the start of the client to the first ping answer; undefined without programs. */
  startTime: number | undefined;
}
