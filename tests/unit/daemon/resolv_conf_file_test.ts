import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type DnsNote, DnsNoteFile, formatNote, parseNote } from "../../../daemon/dns_note.ts";
import { Failure } from "../../../daemon/failure.ts";
import { effectiveUser } from "../../../ffi/ownership.ts";
import { ResolvConfFile } from "../../../daemon/resolv_conf_file.ts";
import { Random } from "../../random.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

const WANTED = { nameservers: ["10.0.0.1"], search: [], all: true };

interface Scene extends Disposable {
  path: string;
  note: DnsNoteFile;
  file: ResolvConfFile;
}

function open(text?: string | Uint8Array): Scene {
  const folder = new TemporaryFolder();
  const path = `${folder.path}/resolv.conf`;
  if (typeof text === "string") Deno.writeTextFileSync(path, text);
  else if (text !== undefined) Deno.writeFileSync(path, text);
  const note = new DnsNoteFile(folder.path);
  const file = new ResolvConfFile(note, path);
  return { path, note, file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

Deno.test({
  name: "root follows no note that the owner of the state folder could have forged",
  ignore: effectiveUser() !== 0,
  fn: () => {
    using folder = new TemporaryFolder();
    Deno.chownSync(folder.path, 65_534, 65_534);
    const note = new DnsNoteFile(folder.path);
    const told: DnsNote = { way: "file", before: { type: "nothing" }, wrote: "text" };
    note.write(told);
    const { uid, mode } = Deno.statSync(note.path);
    // Whoever owns the folder may know what there is to undo.
    assertEquals([uid, mode! & 0o777], [0, 0o644]);
    assertEquals(note.read(), told);
    Deno.chownSync(note.path, 65_534, 65_534);
    assertThrows(() => note.read(), Failure, "it belongs to another user");
  },
});

Deno.test("ResolvConfFile puts back each byte, and the mode", () => {
  const bytes = new Random(3).bytes(5000);
  using scene = open(bytes);
  Deno.chmodSync(scene.path, 0o640);
  scene.file.set(WANTED);
  assertMatch(Deno.readTextFileSync(scene.path), /^nameserver 10\.0\.0\.1$/m);
  assertEquals(Deno.statSync(scene.path).mode! & 0o777, 0o640);
  assertEquals(scene.file.restore(), true);
  assertEquals(Deno.readFileSync(scene.path), bytes);
  assertEquals(Deno.statSync(scene.path).mode! & 0o777, 0o640);
  assertEquals(scene.file.restore(), undefined);
});

Deno.test("ResolvConfFile remembers what was there first, however often it is set", () => {
  using scene = open("nameserver 192.0.2.1\n");
  scene.file.set(WANTED);
  scene.file.set({ nameservers: ["10.0.0.2"], search: ["a.example"], all: false });
  assertEquals(Deno.readTextFileSync(scene.path).match(/^[^#].*$/gm), [
    "nameserver 10.0.0.2",
    "nameserver 192.0.2.1",
    "search a.example",
  ]);
  scene.file.restore();
  assertEquals(Deno.readTextFileSync(scene.path), "nameserver 192.0.2.1\n");
});

Deno.test("ResolvConfFile does not touch what somebody else wrote, nor asks again", () => {
  using scene = open("nameserver 192.0.2.1\n");
  scene.file.set(WANTED);
  Deno.writeTextFileSync(scene.path, "theirs\n");
  assertThrows(() => scene.file.set(WANTED), Error, "somebody else changed it");
  assertEquals(scene.file.restore(), false);
  assertEquals(Deno.readTextFileSync(scene.path), "theirs\n");
  assertEquals(scene.file.restore(), undefined);
});

Deno.test("ResolvConfFile finishes what a kill broke off, wherever that was", () => {
  const original = "nameserver 192.0.2.1\n";
  using scene = open(original);
  scene.file.set(WANTED);
  const note = scene.note.read()!;
  const wrote = Deno.readTextFileSync(scene.path);
  const halves = [original, wrote, wrote.slice(0, 30), "", original.slice(0, 10)];
  for (const half of halves) {
    scene.note.write(note);
    Deno.writeTextFileSync(scene.path, half);
    assertEquals(scene.file.restore(), true);
    assertEquals(Deno.readTextFileSync(scene.path), original);
  }
});

Deno.test("ResolvConfFile leaves no note where it could not write", () => {
  using scene = open("nameserver 192.0.2.1\n");
  const file = new ResolvConfFile(scene.note, `${scene.path}/not-a-folder`);
  assertThrows(() => file.set(WANTED), Error);
  assertEquals(scene.note.read(), undefined);
});

Deno.test("ResolvConfFile refuses what another client wrote", () => {
  using scene = open("nameserver 192.0.2.1\n");
  scene.file.set(WANTED);
  using other = open();
  const second = new ResolvConfFile(other.note, scene.path);
  assertThrows(() => second.set(WANTED), Error, "another simplevpn-client wrote it");
});

Deno.test("A note is read as it was written", () => {
  const owner = { uid: 1, gid: 2 };
  const bytes = new Random(4).bytes(300);
  for (
    const note of [
      { way: "resolvconf", entry: "tun0.x" },
      { way: "file", wrote: "é\n", before: { type: "nothing" } },
      { way: "file", wrote: "", before: { type: "link", target: "../run/x" } },
      { way: "file", wrote: "x", before: { type: "file", bytes, mode: 0o604, owner } },
    ] as const
  ) assertEquals<unknown>(parseNote(formatNote(note)), note);
});

Deno.test("A note that is damaged is a SyntaxError, and nothing else", () => {
  const random = new Random(5);
  const owner = { uid: 1, gid: 2 };
  const before = { type: "file", bytes: Uint8Array.of(1, 2), mode: 0o600, owner } as const;
  const text = formatNote({ way: "file", wrote: "x", before });
  for (let i = 0; i < 2000; i++) {
    try {
      parseNote(random.garble(random.garble(text, '{}":,019ax\n'), '{}":,019ax\n'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  for (const other of ["null", "[]", "1", '{"version":1,"way":"file"}', '{"version":2}', ""]) {
    assertThrows(() => parseNote(other), SyntaxError);
  }
});
