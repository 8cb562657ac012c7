import { X509Certificate } from "node:crypto";
import type { BenchLab } from "../bench_lab.ts";
import type { Subject } from "../subject.ts";
import { INNER, privately, startClient } from "../tunnel.ts";

const PORT = 1194;

/** What OpenVPN's own notes on fast networks advise. */
const LARGE_MTU = ["--tun-mtu", "48000", "--mssfix", "0"];

/** OpenVPN as it comes, and with packets of the TUN device as large as advised for fast networks. */
export const openvpns: readonly Subject[] = [
  openvpn("openvpn UDP", "udp4", []),
  openvpn("openvpn TCP", "tcp4", []),
  openvpn("openvpn UDP 48000", "udp4", LARGE_MTU),
  openvpn("openvpn TCP 48000", "tcp4", LARGE_MTU),
];

type Protocol = "udp4" | "tcp4";

/** Whom one end is, and whom it talks to. */
export interface Identity {
  certificate: string;
  key: string;
  /** SHA-256 of the other's certificate, the only one that is accepted. */
  peerFingerprint: string;
}

/** The server's command line. */
export function serverCommand(
  protocol: Protocol,
  identity: Identity,
  options: readonly string[],
): string[] {
  const proto = protocol === "tcp4" ? "tcp4-server" : protocol;
  return [
    ...["openvpn", "--server", "10.9.0.0", "255.255.255.0", "--topology", "subnet"],
    ...["--proto", proto, "--port", String(PORT), "--dh", "none"],
    ...commonOptions(identity),
    ...options,
  ];
}

/** The client's command line. */
export function clientCommand(
  protocol: Protocol,
  host: string,
  identity: Identity,
  options: readonly string[],
): string[] {
  const proto = protocol === "tcp4" ? "tcp4-client" : protocol;
  return [
    ...["openvpn", "--client", "--remote", host, String(PORT), proto, "--nobind"],
    ...commonOptions(identity),
    ...options,
  ];
}

function commonOptions({ certificate, key, peerFingerprint }: Identity): string[] {
  // Data channel offload would measure a kernel module, where there is one.
  return [
    ...["--dev", "tun", "--disable-dco"],
    ...["--cert", certificate, "--key", key, "--peer-fingerprint", peerFingerprint],
  ];
}

function openvpn(name: string, protocol: Protocol, options: readonly string[]): Subject {
  return {
    name,
    installation: {
      commands: ["openvpn", "openssl"],
      install: "apt-get install openvpn openssl",
      version: ["openvpn", "--version"],
    },
    start: async (lab) => {
      const { server: own, client: other } = await identities(lab);
      const server = lab.server.start(privately(serverCommand(protocol, own, options)));
      await server.waitFor(/Initialization Sequence Completed/);
      const command = clientCommand(protocol, lab.outer.server, other, options);
      const start = () => lab.client.start(privately(command));
      return await startClient(lab, INNER.server, server, start);
    },
  };
}

async function identities(lab: BenchLab): Promise<{ server: Identity; client: Identity }> {
  const folder = await Deno.makeTempDir({ dir: lab.folder });
  const [server, client] = [
    await makeCertificate(lab, folder, "server"),
    await makeCertificate(lab, folder, "client"),
  ];
  return {
    server: { ...server, peerFingerprint: client.fingerprint },
    client: { ...client, peerFingerprint: server.fingerprint },
  };
}

async function makeCertificate(
  lab: BenchLab,
  folder: string,
  name: string,
): Promise<{ certificate: string; key: string; fingerprint: string }> {
  const [certificate, key] = [`${folder}/${name}.crt`, `${folder}/${name}.key`];
  await lab.run(
    ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-noenc", "-subj", `/CN=${name}`, "-out", certificate, "-keyout", key],
  );
  const { fingerprint256 } = new X509Certificate(await Deno.readTextFile(certificate));
  return { certificate, key, fingerprint: fingerprint256 };
}
