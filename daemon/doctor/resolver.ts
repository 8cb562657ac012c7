import { Errno, OsError } from "../../ffi/error.ts";
import { ProbeSocket } from "../../ffi/probe_socket.ts";
import { parseSocketAddress, ResolveError, resolveHost } from "../../ffi/resolve.ts";
import type { SocketAddress } from "../../ffi/socket_address.ts";
import { readNameservers, responseCode, writeRootQuery } from "../../lib/doctor/dns_message.ts";
import { fault, type Finding, ok, warning } from "../../lib/doctor/finding.ts";

const NAME = "server-name";
const DNS = "dns";

const DNS_PORT = 53;
const RESOLV_CONF = "/etc/resolv.conf";

/** Milliseconds for a name, and for each of two questions to a DNS server. */
const RESOLVE_TIME = 4_000;
const ANSWER_TIME = 1_000;

/** As many addresses of a server are tried. */
const MOST_ADDRESSES = 4;

/** What a server's name stands for. */
export interface Resolved {
  findings: Finding[];
  addresses: SocketAddress[];
}

/** Resolves the server's name as the client does. */
export async function resolveServer(host: string, port: number): Promise<Resolved> {
  try {
    const addresses = await within(resolveHost(host, port), RESOLVE_TIME);
    const shown = addresses.map((address) => address.host).join(", ");
    const finding = ok(NAME, `The server is ${host}: ${shown}`);
    return { findings: [finding], addresses: addresses.slice(0, MOST_ADDRESSES) };
  } catch (error) {
    const isTemporary = !(error instanceof ResolveError) || error.temporary;
    return {
      findings: [
        fault(NAME, `The server's name ${host} does not resolve`, {
          why: (error as Error).message,
          mend: isTemporary
            ? `see what is said of "dns" below; "getent ahosts ${host}" asks again`
            : `is the name right? "getent ahosts ${host}" asks again; -s ADDRESS needs no name`,
        }),
      ],
      addresses: [],
    };
  }
}

function within<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`no answer within ${milliseconds / 1000} s`)),
    milliseconds,
  );
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/** Whether the DNS servers that this machine is set to answer. */
export async function checkMachineDns(): Promise<Finding[]> {
  let text = "";
  try {
    text = await Deno.readTextFile(RESOLV_CONF);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await checkDnsServers(
    readNameservers(text),
    `${RESOLV_CONF} names it: names cannot be resolved, or slowly`,
    `"cat ${RESOLV_CONF}": put a server that answers into it, or mend the network that leads there`,
  );
}

/** Asks each of some DNS servers something. */
export async function checkDnsServers(
  servers: readonly string[],
  why: string,
  mend: string,
): Promise<Finding[]> {
  const answers = await Promise.all(servers.map(ask));
  return servers.map((server, i) =>
    answers[i] === undefined
      ? ok(DNS, `The DNS server ${server} answers`)
      : warning(DNS, `The DNS server ${server} does not answer: ${answers[i]}`, { why, mend })
  );
}

/** Why a DNS server gave no answer; undefined if it did. */
async function ask(server: string): Promise<string | undefined> {
  try {
    const [address] = await parseSocketAddress(server, DNS_PORT);
    using socket = ProbeSocket.udp(address!);
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    let failure = Errno.ETIMEDOUT;
    for (let i = 0; i < 2; i++) {
      socket.send(writeRootQuery(id));
      const answer = await socket.receive(ANSWER_TIME);
      if (typeof answer === "number") failure = answer;
      else if (responseCode(answer, id) !== undefined) return undefined;
    }
    return new OsError("recv", failure).reason;
  } catch (error) {
    if (error instanceof OsError) return error.reason;
    if (error instanceof ResolveError) return "that is no address";
    throw error;
  }
}
