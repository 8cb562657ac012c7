import { keyPairOf } from "../../../lib/protocol/x25519.ts";
import type { LabProcess, Machine } from "../../lab.ts";
import type { Installation, Subject } from "../subject.ts";
import { configureInterface, INNER, privately, startClient, until } from "../tunnel.ts";

const INTERFACE = "wg0";
const PORT = 51820;

/** What wireguard-go sets, and wg-quick for any other, on a network with an MTU of 1500. */
const MTU = 1420;

/** WireGuard in user space. */
export const wireguards: readonly Subject[] = [
  wireguard("wireguard-go", ["wireguard-go", "--foreground", INTERFACE], {
    commands: ["wireguard-go"],
    install: "apt-get install wireguard-go",
    version: ["wireguard-go", "--version"],
  }),
  wireguard("wireguard-go latest", ["wireguard", "--foreground", INTERFACE], {
    commands: ["wireguard"],
    install: "GOBIN=/usr/local/bin go install golang.zx2c4.com/wireguard@latest",
    version: ["wireguard", "--version"],
  }),
  // Dropping privileges is for being started with sudo: it fails without.
  wireguard(
    "boringtun",
    ["boringtun-cli", "--foreground", "--disable-drop-privileges", INTERFACE],
    {
      commands: ["boringtun-cli"],
      install: "cargo install --root /usr/local boringtun-cli",
      version: ["boringtun-cli", "--version"],
    },
  ),
];

/** One end, as it is configured. */
export interface End {
  /** 32 bytes. */
  privateKey: Uint8Array;
  /** 32 bytes of the other's. */
  peerPublicKey: Uint8Array;
  /** The other's inner address. */
  peerAddress: string;
  /** The other's outer address; undefined for the one that waits. */
  peerHost?: string;
}

/** A request of WireGuard's cross-platform user-space interface that configures an end. */
export function setRequest({ privateKey, peerPublicKey, peerAddress, peerHost }: End): string {
  return [
    "set=1",
    `private_key=${privateKey.toHex()}`,
    `listen_port=${PORT}`,
    `public_key=${peerPublicKey.toHex()}`,
    ...peerHost === undefined ? [] : [`endpoint=${peerHost}:${PORT}`],
    `allowed_ip=${peerAddress}/32`,
    "\n",
  ].join("\n");
}

function wireguard(name: string, command: readonly string[], installation: Installation): Subject {
  return {
    name,
    installation,
    start: async (lab) => {
      const [own, other] = [newKey(), newKey()];
      const server = await startEnd(lab.server, command, INNER.server, {
        privateKey: own.private,
        peerPublicKey: other.public,
        peerAddress: INNER.client,
      });
      return await startClient(lab, INNER.server, server, () => {
        return startEnd(lab.client, command, INNER.client, {
          privateKey: other.private,
          peerPublicKey: own.public,
          peerAddress: INNER.server,
          peerHost: lab.outer.server,
        });
      });
    },
  };
}

function newKey(): { private: Uint8Array; public: Uint8Array } {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return { private: bytes, public: keyPairOf(bytes).publicKey };
}

async function startEnd(
  machine: Machine,
  command: readonly string[],
  address: string,
  end: End,
): Promise<LabProcess> {
  const process = machine.start(privately(command));
  await until(() => request(process, setRequest(end)), process);
  await configureInterface(machine, process, INTERFACE, address, MTU);
  return process;
}

/** Sends a request; false if the program does not listen yet. @throws {Error} if it refuses */
async function request(process: LabProcess, text: string): Promise<boolean> {
  const path = `/proc/${process.pid}/root/run/wireguard/${INTERFACE}.sock`;
  let connection: Deno.UnixConn;
  try {
    connection = await Deno.connect({ transport: "unix", path });
  } catch {
    return false;
  }
  using socket = connection;
  await socket.write(new TextEncoder().encode(text));
  const answer = new Uint8Array(1024);
  const length = await socket.read(answer) ?? 0;
  const said = new TextDecoder().decode(answer.subarray(0, length)).trim();
  if (said === "errno=0") return true;
  throw new Error(`${process.pid} refuses its configuration: ${said}`);
}
