import { assertEquals } from "@std/assert";
import { tail } from "../../../scripts/bench/log_tail.ts";
import * as fastd from "../../../scripts/bench/subjects/fastd.ts";
import * as openvpn from "../../../scripts/bench/subjects/openvpn.ts";
import * as tinc from "../../../scripts/bench/subjects/tinc.ts";
import { setRequest } from "../../../scripts/bench/subjects/wireguard.ts";
import { parseVersion } from "../../../scripts/bench/versions.ts";

const IDENTITY = { certificate: "/own.crt", key: "/own.key", peerFingerprint: "AA:BB" };

/** What follows an option in a command line. */
function valueOf(option: string, command: readonly string[]): string | undefined {
  const at = command.indexOf(option);
  return at < 0 ? undefined : command[at + 1];
}

Deno.test("setRequest() gives keys in hexadecimal, an endpoint where there is one, an empty line", () => {
  const keys = {
    privateKey: new Uint8Array(32).fill(0x0a),
    peerPublicKey: new Uint8Array(32).fill(0xfe),
  };
  const lines = [
    "set=1",
    `private_key=${"0a".repeat(32)}`,
    "listen_port=51820",
    `public_key=${"fe".repeat(32)}`,
    "endpoint=192.0.2.1:51820",
    "allowed_ip=10.9.0.1/32",
  ];
  const end = { ...keys, peerAddress: "10.9.0.1" };
  assertEquals(setRequest({ ...end, peerHost: "192.0.2.1" }), `${lines.join("\n")}\n\n`);
  assertEquals(setRequest(end), `${lines.toSpliced(4, 1).join("\n")}\n\n`);
});

Deno.test("configuration() of fastd has the manual's MTU, and a remote only where there is one", () => {
  const end = { secret: "aa", peer: "bb" };
  const text = fastd.configuration({ ...end, peerHost: "192.0.2.1" });
  assertEquals(text.match(/^mtu \d+;$/m)?.[0], "mtu 1448;");
  assertEquals(
    text.match(/^peer .*$/m)?.[0],
    'peer "other" { key "bb"; remote 192.0.2.1:10000; }',
  );
  assertEquals(fastd.configuration(end).match(/^peer .*$/m)?.[0], 'peer "other" { key "bb"; }');
});

Deno.test("configuration() of tinc has the client connect to the server", () => {
  assertEquals(tinc.configuration("server"), "Name = server\nInterface = tinc0\n");
  assertEquals(
    tinc.configuration("client"),
    "Name = client\nInterface = tinc0\nConnectTo = server\n",
  );
  assertEquals(
    tinc.hostFile("client", "192.0.2.1", "KEY\n"),
    "Address = 192.0.2.1\nSubnet = 10.9.0.2/32\n\nKEY\n",
  );
});

Deno.test("serverCommand() and clientCommand() of openvpn agree on protocol, options and identity", () => {
  const options = ["--tun-mtu", "48000"];
  const server = openvpn.serverCommand("tcp4", IDENTITY, options);
  const client = openvpn.clientCommand("tcp4", "192.0.2.1", IDENTITY, options);
  assertEquals(valueOf("--proto", server), "tcp4-server");
  const remote = client.slice(client.indexOf("--remote"));
  assertEquals(remote.slice(1, 4), ["192.0.2.1", valueOf("--port", server), "tcp4-client"]);
  for (const command of [server, client]) {
    assertEquals(valueOf("--peer-fingerprint", command), "AA:BB");
    assertEquals(valueOf("--cert", command), "/own.crt");
    assertEquals(valueOf("--tun-mtu", command), "48000");
    assertEquals(command.includes("--disable-dco"), true);
  }
  assertEquals(valueOf("--proto", openvpn.serverCommand("udp4", IDENTITY, [])), "udp4");
});

Deno.test("parseVersion() finds the first number with or without points", () => {
  const texts = [
    "OpenVPN 2.6.14 x86_64-pc-linux-gnu [SSL (OpenSSL)]",
    "wireguard-go v0.0.20220316\n\nUserspace",
    "fastd v22\n",
    "tinc version 1.0.36 (built Jan 1 2023)",
    "none",
  ];
  assertEquals(texts.map(parseVersion), ["2.6.14", "0.0.20220316", "22", "1.0.36", undefined]);
});

Deno.test("tail() keeps the last ten lines", () => {
  const lines = Array.from({ length: 12 }, (_, i) => `line ${i}`);
  assertEquals(tail(`${lines.join("\n")}\n`), lines.slice(2).join("\n"));
  assertEquals(tail("one\n"), "one");
});
