import { parseCpuModel } from "./parse.ts";
import type { MachineDescription } from "./report.ts";

/** Describes this machine. */
export function describeMachine(): MachineDescription {
  return {
    cpu: parseCpuModel(Deno.readTextFileSync("/proc/cpuinfo")),
    cores: navigator.hardwareConcurrency,
    kernel: `${Deno.osRelease()} ${Deno.build.arch}`,
    congestion: Deno.readTextFileSync("/proc/sys/net/ipv4/tcp_congestion_control").trim(),
    deno: Deno.version.deno,
  };
}
