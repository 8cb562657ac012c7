import { DEFAULT_MTU } from "../config/defaults.ts";
import { MssClamp } from "../packet/mss.ts";
import type { Offload } from "../packet/offload.ts";
import type { Configuration } from "../protocol/control.ts";
import type { ClientOptions } from "./client_ports.ts";
import { PACKET_OVERHEAD } from "./datagram_channel.ts";
import { DATAGRAM_MOST } from "./limits.ts";

/**
 * The terms on which a client uses its tunnel: what the server told last, and how long packets can be by
 * that and by the paths. From these follow its interface's MTU, and what TCP's ends are told to send.
 */
export class TunnelTerms {
  readonly #wantedMtu: number | undefined;
  #configuration: Configuration | undefined;
  /** By which lengths datagrams pass. */
  #pathMtu: number;
  /** Longest packet that the interfaces of both ends take, and every path. */
  #longest = 0;
  readonly #mss = new MssClamp();

  constructor({ mtu, carriers }: ClientOptions) {
    this.#wantedMtu = mtu;
    // As long as nobody knows better: an interface whose MTU stays as it is disturbs nobody.
    this.#pathMtu = carriers.includes("udp") ? DATAGRAM_MOST - PACKET_OVERHEAD : Infinity;
  }

  /** What the server told last; undefined if it is a classic one, or none was there yet. */
  get configuration(): Configuration | undefined {
    return this.#configuration;
  }

  /** Of the interface. */
  get mtu(): number {
    const wanted = this.#wantedMtu ?? this.#configuration?.mtu ?? DEFAULT_MTU;
    return Math.min(wanted, this.#pathMtu);
  }

  /**
   * Takes what the server told over a path, and the path's MTU: only the UDP path has one, which is
   * remembered when that path is gone, since it may come again. Returns whether anything is not as before.
   *
   * @param pathMtu Infinity if the path has none
   */
  learn(configuration: Configuration | undefined, pathMtu: number): boolean {
    const before = JSON.stringify([this.#configuration, this.mtu]);
    if (pathMtu < Infinity) this.#pathMtu = pathMtu;
    this.#configuration = configuration;
    const { mtu } = this;
    this.#longest = Math.min(mtu, configuration?.mtu ?? Infinity);
    return JSON.stringify([configuration, mtu]) !== before;
  }

  /** Lowers the maximum segment size in a SYN, which goes one way or the other, to what fits. */
  clamp(bytes: Uint8Array, offset: number, length: number, offload: Offload): void {
    this.#mss.clamp(bytes, offset, length, offload, this.#longest);
  }
}
