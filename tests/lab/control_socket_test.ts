/** The socket by which commands reach a running program, with real sockets and files. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ask, controlPath, REQUEST_MOST } from "../../daemon/control_request.ts";
import { ControlSocket, openControlSocket } from "../../daemon/control_socket.ts";
import { Failure } from "../../daemon/failure.ts";
import { TemporaryFolder } from "../unit/daemon/temporary_folder.ts";

function serve(folder: string): ControlSocket {
  return new ControlSocket(controlPath("server", folder), {
    echo: (request) => request,
    nothing: () => {},
    refuse: () => {
      throw new Failure("It cannot be done");
    },
    fail: () => Promise.reject(new Error("secret detail")),
  });
}

/** Sends bytes and gives what is answered. */
async function exchange(folder: string, text: string): Promise<string> {
  using connection = await Deno.connect({
    transport: "unix",
    path: controlPath("server", folder),
  });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

Deno.test("a request is answered by the handler of its command", async () => {
  using temporary = new TemporaryFolder();
  const { path: folder } = temporary;
  const socket = serve(folder);
  const request = { command: "echo", text: "é\u{1f600}\n".repeat(100) };
  assertEquals(await ask("server", folder, request), request);
  assertEquals(await ask("server", folder, { command: "nothing" }), null);
  const unable = ask("server", folder, { command: "refuse" });
  await assertRejects(() => unable, Failure, "It cannot be done");
  const failing = ask("server", folder, { command: "fail" });
  const failure = await assertRejects(() => failing, Failure, "unexpectedly");
  assert(!failure.message.includes("secret"));
  for (const command of ["unknown", "constructor", "__proto__", ""]) {
    await assertRejects(() => ask("server", folder, { command }), Failure, "no such command");
  }
  socket[Symbol.dispose]();
});

Deno.test("a socket is for its owner alone, and gone after the end", async () => {
  using temporary = new TemporaryFolder();
  const { path: folder } = temporary;
  const socket = serve(folder);
  const { mode, isSocket } = Deno.lstatSync(controlPath("server", folder));
  assertEquals([mode! & 0o777, isSocket], [0o600, true]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["server.sock"]);
  socket[Symbol.dispose]();
  assertEquals([...Deno.readDirSync(folder)], []);
  const failure = await assertRejects(() => ask("server", folder, { command: "echo" }), Failure);
  assert(failure.message.startsWith(
    `simplevpn-server is not running with the state folder ${folder} (no one listens at ${folder}/server.sock)`,
  ));
});

Deno.test("a socket takes the place of an old one, whose end does not remove it", async () => {
  using temporary = new TemporaryFolder();
  const { path: folder } = temporary;
  Deno.mkdirSync(`${folder}/server.sock.new`);
  Deno.writeTextFileSync(`${folder}/server.sock.new/s`, "left by a killed program");
  const old = serve(folder);
  const socket = serve(folder);
  old[Symbol.dispose]();
  assertEquals(await ask("server", folder, { command: "nothing" }), null);
  socket[Symbol.dispose]();
});

Deno.test("requests that make no sense are answered with an error, or not at all", async () => {
  using temporary = new TemporaryFolder();
  const { path: folder } = temporary;
  const socket = serve(folder);
  for (const text of ["\n", "{\n", "null\n", "[]\n", "7\n", '{"command":7}\n', "\0\xff\n"]) {
    assert("error" in JSON.parse(await exchange(folder, text)), text);
  }
  assertEquals(await exchange(folder, "x".repeat(REQUEST_MOST + 1)), "");
  assertEquals(await exchange(folder, `{"command":"echo"}\nmore`), '{"ok":{"command":"echo"}}\n');
  socket[Symbol.dispose]();
});

Deno.test("connections that say nothing keep others away only beyond a limit, and end nothing", async () => {
  using temporary = new TemporaryFolder();
  const { path: folder } = temporary;
  const socket = serve(folder);
  const path = controlPath("server", folder);
  const idle = await Promise.all(
    Array.from({ length: 15 }, () => Deno.connect({ transport: "unix", path })),
  );
  assertEquals(await ask("server", folder, { command: "nothing" }), null);
  idle.push(await Deno.connect({ transport: "unix", path }));
  await assertRejects(() => ask("server", folder, { command: "nothing" }), Failure);
  for (const connection of idle) connection.close();
  // The other end is told in its own time.
  for (let answer: unknown = undefined; answer !== null;) {
    answer = await ask("server", folder, { command: "nothing" }).catch(() => undefined);
  }
  socket[Symbol.dispose]();
});

Deno.test("a path that is too long for a socket is told of, and done without", async () => {
  using temporary = new TemporaryFolder();
  const folder = `${temporary.path}/${"x".repeat(100)}`;
  Deno.mkdirSync(folder);
  assertEquals(openControlSocket("server", folder, {}), undefined);
  await assertRejects(() => ask("server", folder, { command: "echo" }), Failure, "bytes too long");
});
