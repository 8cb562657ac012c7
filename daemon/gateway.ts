import { OsError } from "../ffi/error.ts";
import { NetworkInterface } from "../ffi/interface.ts";
import { listBridges, listInterfaces, setInterfaceGroup } from "../ffi/link.ts";
import type { GatewayMode } from "../lib/config/common_settings.ts";
import {
  forwardingInterfaces,
  type IpVersion,
  planForwarding,
  versionsTurnedOn,
} from "../lib/gateway/forwarding_plan.ts";
import { formatGatewayNote } from "../lib/gateway/gateway_note.ts";
import { type GatewayRules, gatewayTable, tableName, TUN_GROUP } from "../lib/gateway/ruleset.ts";
import { Failure } from "./failure.ts";
import { warnOfFirewalls, warnOfForwarders } from "./firewalls.ts";
import { inheritedSettings, undoGateway } from "./gateway_leftovers.ts";
import { readSetting, whereabouts, writeSetting } from "./kernel_settings.ts";
import { log } from "./logging.ts";
import { applyRuleset, listTable, tryNft } from "./nft.ts";
import { writeFileAtomically } from "./state_folder.ts";

/** Milliseconds between two looks at the machine's packet filters. */
const LOOK_INTERVAL = 10_000;

export interface GatewayOptions {
  mode: GatewayMode;
  /** A TUN device of this program. */
  tun: string;
  /** What the tunnel carries. */
  versions: readonly IpVersion[];
  /** The file that says what was changed, for as long as it is. */
  notePath: string;
}

/**
 * Makes this machine forward between a tunnel and its other networks, until it is disposed of. What that
 * changes is written down before, so that the next start, or "cleanup", undoes it if the program is
 * killed; docs/gateway.md says what and why.
 */
export class Gateway implements AsyncDisposable {
  readonly #options: GatewayOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looking: Promise<void> | undefined;

  private constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** @throws {Failure} if the machine cannot be made to forward; then it is as it was before */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    try {
      await gateway.#open();
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await undoGateway(this.#options.notePath);
  }

  async #open(): Promise<void> {
    const { mode, tun, versions, notePath } = this.#options;
    const device = new NetworkInterface(tun);
    setInterfaceGroup(device.index, TUN_GROUP);
    const others = listInterfaces().filter((name) => name !== tun);
    const settings = [
      ...await inheritedSettings(),
      ...planForwarding(versions, others, readSetting),
    ];
    const turnedOn = versionsTurnedOn(settings);
    const rules = (): GatewayRules => ({
      tun,
      nat: mode === "nat",
      guard: turnedOn.length === 0 ? undefined : {
        versions: turnedOn,
        forwarding: forwardingInterfaces(settings),
        bridges: listBridges(),
        notePath,
      },
    });
    const needsTable = mode === "nat" || turnedOn.length > 0;
    if (needsTable) await checkNft(mode);
    const table = needsTable ? tableName(tun) : undefined;
    const note = { ...whereabouts(), table, settings };
    writeFileAtomically(notePath, formatGatewayNote(note));
    if (needsTable) await applyRuleset(gatewayTable(rules()));
    for (const { name, after } of settings) setTo(name, after);
    // A device is like "default" at first, which may say otherwise than "all". It ends with the program.
    setTo(`net/ipv4/conf/${tun}/forwarding`, "1");
    announce(this.#options, turnedOn);
    await warnOfFirewalls(tun);
    if (needsTable) await this.#watch(rules);
  }

  /** Looks now and then at what else happens to the machine's packet filters. */
  async #watch(rules: () => GatewayRules): Promise<void> {
    const { tun, guard } = rules();
    let isWarned = guard === undefined || await warnOfForwarders();
    // The first look makes it anew: something may have changed since it was made.
    let before = "";
    const look = async (): Promise<void> => {
      try {
        const ruleset = gatewayTable(rules());
        await renewTable(tableName(tun), ruleset, before);
        before = ruleset;
        isWarned ||= await warnOfForwarders();
      } catch (error) {
        if (!(error instanceof Failure || error instanceof OsError)) throw error;
        log.error("{reason}", { reason: error.message });
      }
    };
    this.#timer = setInterval(() => {
      this.#looking ??= look().finally(() => this.#looking = undefined);
    }, LOOK_INTERVAL);
  }
}

/**
 * Makes the table anew that is gone, as after a reload of all of a machine's rules, or that is to be
 * another one, since there is another bridge.
 *
 * @throws {Failure}
 */
async function renewTable(table: string, ruleset: string, before: string): Promise<void> {
  const isGone = await listTable(table) === undefined;
  if (!isGone && ruleset === before) return;
  await applyRuleset(ruleset);
  if (!isGone) return;
  log.warn(
    "The nftables table inet {table} was gone, as after a reload of all rules: made it anew",
    {
      table,
    },
  );
}

async function checkNft(mode: GatewayMode): Promise<void> {
  if (await tryNft(["--version"]) !== undefined) return;
  const why = mode === "nat" ? "" : ", since this machine does not forward by itself";
  throw new Failure(`--${mode} needs nft${why}: apt-get install nftables`);
}

/**
 * Changes a setting unless it is like this already, as in a container that may change none.
 *
 * @throws {Failure}
 */
function setTo(name: string, value: string): void {
  if (readSetting(name) === value) return;
  log.debug("sysctl -w {name}={value}", { name, value });
  try {
    writeSetting(name, value);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    throw new Failure(
      `Cannot set /proc/sys/${name} to ${value}: ${error.reason}: run as root (sudo); a container must ` +
        "be started with forwarding on (--sysctl net.ipv4.ip_forward=1 --sysctl " +
        "net.ipv6.conf.all.forwarding=1)",
    );
  }
}

function announce({ mode, tun }: GatewayOptions, turnedOn: readonly IpVersion[]): void {
  const what = mode === "nat"
    ? "Forwarding what comes through {tun}, with this machine's address (NAT)"
    : "Forwarding between {tun} and this machine's other networks";
  log.info(what, { tun });
  if (turnedOn.length === 0) return;
  log.info(
    "This machine did not forward {versions} before: nothing but the tunnel's packets is forwarded, and " +
      "it is turned off again at the end",
    { versions: turnedOn.map((version) => version.replace("ip", "IP")).join(" and ") },
  );
}
