import { assertEquals } from "@std/assert";
import { RegistryStore } from "../../../daemon/registry_store.ts";
import { testKey, testPeer } from "../session/attack_scene.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** Milliseconds after which a change that was not told of counts as lost. */
const LOST = 5000;

Deno.test("RegistryStore tells of another program's change that it met when it made one of its own", async () => {
  using temporary = new TemporaryFolder();
  const server = new RegistryStore(temporary.path);
  server.update((registry) => registry.addPeer(testPeer("leaver", testKey(2), "10.0.0.2")));
  const told = Promise.withResolvers<string>();
  const lost = setTimeout(() => told.resolve("lost"), LOST);
  const watching = server.watch(() => told.resolve("told"));
  new RegistryStore(temporary.path).update((registry) => registry.removePeer("leaver"));
  server.update((registry) => registry.addPeer(testPeer("comer", testKey(3), "10.0.0.3")));
  assertEquals(await told.promise, "told");
  assertEquals(server.registry.peers.map(({ name }) => name), ["comer"]);
  clearTimeout(lost);
  server.close();
  await watching;
});
