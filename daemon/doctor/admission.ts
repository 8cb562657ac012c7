import type { SocketAddress } from "../../ffi/socket_address.ts";
import { pathMtu } from "../../ffi/udp.ts";
import { formatIpv4 } from "../../lib/address/ipv4_address.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import {
  CloseReason,
  type Configuration,
  ControlType,
  describeClose,
  readConfiguration,
  writeClose,
} from "../../lib/protocol/control.ts";
import { DATA_OVERHEAD } from "../../lib/protocol/datagram.ts";
import { FRAME_HEADER_LENGTH } from "../../lib/protocol/frame.ts";
import { writePing } from "../../lib/protocol/ping.ts";
import { uintValue } from "../../lib/protocol/items.ts";
import { DATAGRAM_LEAST, DATAGRAM_MOST } from "../../lib/session/limits.ts";
import type { ProbeSession } from "./probe_session.ts";

const ADMISSION = "admission";
const PATH_MTU = "path-mtu";

const ANSWER_TIME = 2_000;

/** Bytes of IP's and UDP's headers. */
const HEADERS = { ipv4: 28, ipv6: 48 } as const;

/** What a server says to a client that comes, which it then takes for connected. */
export interface Admission {
  findings: Finding[];
  configuration: Configuration | undefined;
}

/** Lets the server decide whether this machine may stay, as a client does by its first record. */
export async function askAdmission(session: ProbeSession): Promise<Admission> {
  session.send(ControlType.Ping, writePing(0));
  const answer = await session.receive(
    [ControlType.Configuration, ControlType.Close],
    ANSWER_TIME,
  );
  if (answer === undefined) {
    const finding = warning(ADMISSION, "The server answers the handshake, and says nothing then", {
      why: "packets get lost on the way, or the server is at its limit of clients",
      mend: 'run this command again; on the server: "sudo simplevpn-server doctor"',
    });
    return { findings: [finding], configuration: undefined };
  }
  if (answer.type === ControlType.Close) {
    return { findings: [refused(answer.body[0] ?? 0)], configuration: undefined };
  }
  const configuration = readConfiguration(answer.body);
  const { name, address } = configuration;
  return {
    findings: [
      ok(ADMISSION, `The server lets this machine in, as ${name}, ${formatIpv4(address.address)}`),
    ],
    configuration,
  };
}

function refused(reason: number): Finding {
  return fault(ADMISSION, `The server refuses this machine: ${describeClose(reason)}`, {
    why: "whoever runs the server decided so, or its network is full",
    mend: REMEDIES[reason as CloseReason] ?? 'on the server: "sudo simplevpn-server peers list"',
  });
}

const REMEDIES: Partial<Record<CloseReason, string>> = {
  [CloseReason.Disabled]: 'on the server: "sudo simplevpn-server peers enable NAME"',
  [CloseReason.AddressRefused]: "leave -a out, or have the address changed on the server: " +
    '"sudo simplevpn-server peers set NAME --address ADDRESS"',
  [CloseReason.NoAddress]:
    'on the server: remove peers ("sudo simplevpn-server peers remove NAME"), ' +
    "or start it with a larger --network",
};

/** Tells the server that this is over. */
export function leave(session: ProbeSession): void {
  session.send(ControlType.Close, writeClose(CloseReason.Stopping));
}

/**
 * Finds out how long datagrams can be on the way to the server and back, by probes of several lengths
 * that it answers with as many bytes.
 */
export async function checkPathMtu(
  session: ProbeSession,
  address: SocketAddress,
): Promise<Finding[]> {
  const headers = address.ipv4 === undefined ? HEADERS.ipv6 : HEADERS.ipv4;
  const believed = Math.min(pathMtu(address) - headers, DATAGRAM_MOST);
  const lengths = probeLengths(believed);
  session.send(ControlType.Ping, writePing(0));
  const passing = Math.max(0, ...await answeredLengths(session, lengths));
  if (passing === 0) {
    return [
      note(
        PATH_MTU,
        "Probes of datagrams' lengths are not answered: packets get lost, or UDP is slow",
      ),
    ];
  }
  if (passing >= believed) {
    return [ok(PATH_MTU, `Datagrams as long as this machine believes pass: ${believed} bytes`)];
  }
  const ipLength = passing + headers;
  return [
    warning(
      PATH_MTU,
      `Packets of ${believed + headers} bytes vanish on the way; ${ipLength} pass`,
      {
        why:
          "something drops what is too long for it, and no ICMP message tells: over UDP simplevpn " +
          "finds out by itself, a TCP connection may hang",
        mend:
          `set the MTU of the interface that leads to the server: "sudo ip link set dev DEVICE mtu ` +
          `${ipLength}" ("ip route get ${address.host}" names it); or "sudo sysctl -w ` +
          'net.ipv4.tcp_mtu_probing=1"; or have ICMP let through',
      },
    ),
  ];
}

/** From what is believed down to what passes everywhere. */
function probeLengths(longest: number): number[] {
  const lengths = [longest];
  for (let length = longest - (longest % 20); length > DATAGRAM_LEAST; length -= 20) {
    if (length < longest) lengths.push(length);
  }
  return [...lengths, DATAGRAM_LEAST];
}

/** Sends all of them, twice, since one may get lost, and waits for what comes back. */
async function answeredLengths(
  session: ProbeSession,
  lengths: readonly number[],
): Promise<number[]> {
  const overhead = DATA_OVERHEAD + FRAME_HEADER_LENGTH;
  const answered = new Set<number>();
  for (let round = 0; round < 2 && !answered.has(lengths[0]!); round++) {
    for (const length of lengths) {
      const body = new Uint8Array(length - overhead);
      body.set(uintValue(length, 2));
      session.send(ControlType.Probe, body);
    }
    for (let i = 0; i < lengths.length; i++) {
      const reply = await session.receive([ControlType.ProbeReply], 800);
      if (reply === undefined) break;
      answered.add(reply.body.length + overhead);
    }
  }
  return [...answered];
}
