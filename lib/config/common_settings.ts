/** What a person told both programs, checked. Times are in milliseconds. */
import { TIME_LEAST } from "../protocol/control.ts";
import type { Carrier } from "../protocol/hello.ts";
import type { LivenessTiming } from "../session/liveness.ts";
import { CRYPTO_CHOICES, type CryptoChoice, LOG_LEVELS, type LogLevel } from "./choices.ts";
import { type Arguments, UsageError } from "./command_line.ts";
import { DEFAULT_HOOK_TIMEOUT } from "./defaults.ts";
import {
  absolutePath,
  congestionControl,
  interfaceName,
  isGiven,
  type MetricsEndpoint,
  metricsEndpoint,
  oneOf,
  read,
  readText,
  seconds,
  userName,
} from "./values.ts";

/** Whether a machine forwards for a tunnel: as it is, or with its own address in place of others'. */
export type GatewayMode = "forward" | "nat";

/** Programs that are run at events, as absolute paths. */
export interface HookSettings {
  up: string | undefined;
  down: string | undefined;
  /** A server's alone. */
  onConnect?: string | undefined;
  onDisconnect?: string | undefined;
  /** How long each may take. */
  timeout: number;
}

/** What both programs can be told. */
export interface CommonSettings {
  classic: boolean;
  /** What to go over, the best first. */
  carriers: readonly Carrier[];
  crypto: CryptoChoice;
  /** Name of the TUN device; "%d" in it stands for the lowest free number. */
  tun: string;
  /** Whether the TUN device is to give and take super-packets. */
  offload: boolean;
  /** What the kernel calls the congestion control of connections; the system's default if undefined. */
  congestion: string | undefined;
  timing: LivenessTiming;
  /** Not at all if undefined. */
  gateway: GatewayMode | undefined;
  hooks: HookSettings;
  /** Folder for what must survive a restart; the user's default if undefined. */
  state: string | undefined;
  /** Where to serve metrics; nowhere if undefined. */
  metrics: MetricsEndpoint | undefined;
  /** The user to go on as, if root starts it; undefined for whoever does. */
  user: string | undefined;
  logLevel: LogLevel;
  jsonLogs: boolean;
  /** What to log to in place of stderr. */
  logFile: string | undefined;
}

/**
 * Reads and checks what both programs can be told.
 *
 * @param usual how long a program waits for signs of life if it is not told
 * @throws {UsageError} that names the option and its value
 */
export function readCommonSettings(args: Arguments, usual: LivenessTiming): CommonSettings {
  const classic = isGiven(args, "classic");
  return {
    classic,
    carriers: readCarriers(args, classic),
    crypto: read(args, "crypto", oneOf(CRYPTO_CHOICES)) ?? "auto",
    tun: read(args, "tun", interfaceName) ?? "simplevpn%d",
    offload: !isGiven(args, "no-offload"),
    congestion: read(args, "congestion", congestionControl),
    timing: readTiming(args, usual),
    gateway: readGatewayMode(args),
    hooks: {
      up: read(args, "up", absolutePath),
      down: read(args, "down", absolutePath),
      timeout: read(args, "hook-timeout", seconds) ?? 1000 * DEFAULT_HOOK_TIMEOUT,
    },
    state: readText(args, "state"),
    metrics: read(args, "metrics", metricsEndpoint),
    user: read(args, "user", userName),
    logLevel: read(args, "log-level", oneOf(LOG_LEVELS)) ?? "info",
    jsonLogs: isGiven(args, "json-logs"),
    logFile: readText(args, "log-file"),
  };
}

function readGatewayMode(args: Arguments): GatewayMode | undefined {
  const [forward, nat] = [isGiven(args, "forward"), isGiven(args, "nat")];
  if (forward && nat) {
    throw new UsageError("The options --forward and --nat exclude each other", ["forward", "nat"]);
  }
  if (nat) return "nat";
  return forward ? "forward" : undefined;
}

function readCarriers(args: Arguments, classic: boolean): Carrier[] {
  const [tcp, udp] = [isGiven(args, "tcp"), isGiven(args, "udp")];
  if (tcp && udp) {
    throw new UsageError("The options --tcp and -u exclude each other", ["tcp", "udp"]);
  }
  if (classic && udp) {
    throw new UsageError(
      "The classic protocol is one over TCP: leave out either --classic or -u",
      ["classic", "udp"],
    );
  }
  if (udp && isGiven(args, "congestion")) {
    throw new UsageError(
      "The option --congestion is for TCP: leave out either that or -u",
      ["congestion", "udp"],
    );
  }
  if (udp) return ["udp"];
  return tcp ? ["tcp"] : ["tcp", "udp"];
}

/** A short timeout alone is clear enough: signs of life are asked for well before it. */
function readTiming(args: Arguments, usual: LivenessTiming): LivenessTiming {
  const timeout = read(args, "timeout", seconds) ?? usual.timeout;
  const keepalive = read(args, "keepalive", seconds) ??
    (usual.keepalive < timeout ? usual.keepalive : Math.max(TIME_LEAST, timeout / 3));
  if (keepalive < timeout) return { keepalive, timeout };
  throw new UsageError("The option --keepalive must be less than --timeout", [
    "keepalive",
    "timeout",
  ]);
}
