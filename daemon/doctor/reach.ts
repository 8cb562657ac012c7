import type { SocketAddress } from "../../ffi/socket_address.ts";
import { toBase64 } from "../../lib/config/base64.ts";
import { fault, type Finding, note, ok, warning } from "../../lib/doctor/finding.ts";
import type { Carrier } from "../../lib/protocol/hello.ts";
import { type Knock, Knocker, provesKey } from "./knock.ts";
import type { ProbeSession } from "./probe_session.ts";

const HANDSHAKE = "handshake";

/** Milliseconds from one address to the next, and from TCP to UDP: of two timestamps the later is to come last. */
const STAGGER = 200;

/** What became of a handshake with one address over one carrier. */
interface Attempt {
  address: SocketAddress;
  carrier: Carrier;
  knock: Knock;
}

/** What the client would connect as. */
export interface Identity {
  /** The client's public key; undefined if it has none yet. */
  publicKey: Uint8Array | undefined;
  serverKey: Uint8Array;
  /** Whether an invite goes with it. */
  isInvited: boolean;
  /** Whether another process uses the identity now, and whether it is connected. */
  isRunning: boolean;
  isConnected: boolean;
}

/** Where the server answers, and what there is to say about it. */
export interface Reach extends Disposable {
  findings: Finding[];
  /** Handshakes that went well, to be gone on with. */
  sessions: { session: ProbeSession; address: SocketAddress }[];
}

/** Tries a handshake with each address over each carrier. */
export async function reachServer(
  knocker: Knocker,
  addresses: readonly SocketAddress[],
  carriers: readonly Carrier[],
  caller: Identity,
): Promise<Reach> {
  const attempts = await tryAll(knocker, addresses, carriers);
  const sessions = attempts.flatMap(({ knock, address }) =>
    knock.type === "answered" ? [{ session: knock.session, address }] : []
  );
  const isAnswered = sessions.length > 0;
  const prospect = {
    isAnswered,
    isOpen: isAnswered || caller.isConnected,
    isLastHope: carriers.length === 1,
  };
  const findings = attempts.map((attempt) => describe(attempt, prospect));
  findings.push(...await judge(attempts, caller));
  return {
    findings,
    sessions,
    [Symbol.dispose]: () => sessions.forEach(({ session }) => session[Symbol.dispose]()),
  };
}

async function tryAll(
  knocker: Knocker,
  addresses: readonly SocketAddress[],
  carriers: readonly Carrier[],
): Promise<Attempt[]> {
  const pairs = addresses.flatMap((address) => carriers.map((carrier) => ({ address, carrier })));
  const attempts = await Promise.all(pairs.map(async (pair, i) => {
    await new Promise((resolve) => setTimeout(resolve, i * STAGGER));
    return { ...pair, knock: await knocker.knock(pair.carrier, pair.address) };
  }));
  if (!attempts.some(({ knock }) => knock.type === "answered")) return attempts;
  // One that was overtaken by a later one was an old one when it came.
  for (const attempt of attempts) {
    if (attempt.carrier !== "tcp" || attempt.knock.type !== "silent") continue;
    attempt.knock = await knocker.knock("tcp", attempt.address);
  }
  return attempts;
}

/** What is known of all ways together. */
interface Prospect {
  /** Whether the server answers by any: that another one is shut is no fault then. */
  isOpen: boolean;
  /** Whether it answered here, and not to the running client alone. */
  isAnswered: boolean;
  /** Whether there is no other carrier. */
  isLastHope: boolean;
}

/** One way to the server. */
function describe({ address, carrier, knock }: Attempt, prospect: Prospect): Finding {
  const { isOpen } = prospect;
  const name = carrier.toUpperCase();
  const { port } = address;
  const bad = isOpen ? warning : fault;
  const here = `${address} over ${name}`;
  const otherPort = "start the server with -p 443, which is seldom blocked";
  switch (knock.type) {
    case "answered":
      return ok(carrier, `${here}: the server answers the handshake`);
    case "foreign":
      return bad(carrier, `${here}: something else than this server answers`, {
        why: "the address or the port is another program's, or something on the way answers for it",
        mend: `on the server: "sudo ss -lnp sport = :${port}" tells what listens there`,
      });
    case "refused":
      return bad(carrier, `${here}: refused`, {
        why: "nothing listens there, or a firewall says so",
        mend:
          `on the server: "sudo simplevpn-server doctor -p ${port}"; is it running, and serving ${name}?`,
      });
    case "dropped":
      return bad(carrier, `${here}: no answer`, {
        why:
          "a firewall drops it without a word, at the server, at its provider or near here; or the " +
          "machine is down",
        mend:
          `on the server: "sudo simplevpn-server doctor -p ${port}"; open ${name} port ${port} at its ` +
          `provider too; or ${otherPort}`,
      });
    case "unreachable":
      // A machine without IPv6, most likely, which has no need of it either.
      if (isOpen) return note(carrier, `${here}: unreachable: ${knock.reason}`);
      return fault(carrier, `${here}: unreachable: ${knock.reason}`, {
        why: "this machine, or one on the way, knows no way there",
        mend: `"ip route get ${address.host}" shows the way that packets take`,
      });
    case "silent":
      return describeSilence(here, { address, carrier }, prospect);
  }
}

function describeSilence(
  here: string,
  { address, carrier }: Pick<Attempt, "address" | "carrier">,
  { isOpen, isAnswered, isLastHope }: Prospect,
): Finding {
  if (isOpen && !isAnswered) return note(carrier, `${here}: the handshake is not answered`);
  if (carrier === "tcp") {
    return ok(carrier, `${here}: the connection is made, the handshake is not answered`);
  }
  const mend = `open UDP port ${address.port} in the firewalls on the way, or leave -u out`;
  if (isOpen) {
    return warning(carrier, `${here}: no answer, while another way is open`, {
      why:
        "UDP is blocked on the way, or the server serves TCP alone: the tunnel goes over TCP, which " +
        "is slower where packets get lost",
      mend,
    });
  }
  return (isLastHope ? fault : warning)(carrier, `${here}: no answer`, {
    why: "UDP is blocked, or nobody is there, or the server does not know who asks",
    mend,
  });
}

/** Why nobody answered although somebody is there. */
async function judge(attempts: readonly Attempt[], caller: Identity): Promise<Finding[]> {
  const types = attempts.map(({ knock }) => knock.type);
  if (types.includes("answered")) return [];
  if (caller.isConnected) return [unanswered()];
  const silent = attempts.filter(({ knock }) => knock.type === "silent");
  const key = toBase64(caller.serverKey);
  const byUdp = silent.filter(({ carrier }) => carrier === "udp").map(({ address }) => address);
  const proofs = await Promise.all(byUdp.map((address) => provesKey(address, caller.serverKey)));
  const proven = byUdp.find((_, i) => proofs[i]);
  if (proven !== undefined) return [unknown(proven, caller)];
  const connected = silent.find(({ carrier }) => carrier === "tcp");
  if (connected === undefined) return [];
  const isUdpOpen = attempts.some(({ carrier, knock }) =>
    carrier === "udp" && knock.type === "refused"
  );
  return [
    fault(HANDSHAKE, `${connected.address}: whoever listens there has another key than ${key}`, {
      why: "the server was set up anew, or it is another one" +
        (isUdpOpen ? "" : ", or, if UDP is blocked, it does not know this machine any more"),
      mend:
        'on the server: "sudo simplevpn-server doctor" tells its key; if that is another one, have ' +
        'it make an invite ("sudo simplevpn-server invite NAME") and run "sudo simplevpn-client INVITE"',
    }),
  ];
}

/** The timestamps of a client that was started again may be ahead of the clock by up to a minute. */
function unanswered(): Finding {
  return note(
    HANDSHAKE,
    "The running client is connected; the server answers nobody else like it now",
    {
      why: "the client was started within the last minute, or the server has just removed it",
    },
  );
}

function unknown(address: SocketAddress, caller: Identity): Finding {
  const again =
    'on the server: "sudo simplevpn-server invite NAME", then here "sudo simplevpn-client ' +
    'INVITE"';
  if (caller.isRunning) {
    return warning(HANDSHAKE, `${address}: the server's key is right, but it does not answer`, {
      why:
        "it does not know this machine any more; or the client was started within the last minute " +
        "and its clock was ahead before",
      mend:
        `on the server: "sudo simplevpn-server peers list"; if this machine is not in it, ${again}`,
    });
  }
  if (caller.isInvited) {
    return fault(
      HANDSHAKE,
      `${address}: the server's key is right, but it does not know the invite`,
      {
        why: "the invite was forgotten, or the server's state folder is another one",
        mend: again,
      },
    );
  }
  if (caller.publicKey === undefined) {
    return fault(HANDSHAKE, `${address}: the server does not know this machine, which has no key`, {
      why: "it has not joined, or its state folder is another one, or cannot be read",
      mend: again,
    });
  }
  return fault(
    HANDSHAKE,
    `${address}: the server does not know this machine, whose key is ${toBase64(caller.publicKey)}`,
    {
      why:
        "it was removed there, or the server lost its peers.json; or this machine's clock is behind " +
        "what it was, and its state folder was lost or is a copy",
      mend:
        `on the server: "sudo simplevpn-server peers list" tells who is known; if it is not, ${again}`,
    },
  );
}
