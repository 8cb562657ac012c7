/** Adds peers to a registry, one update each: registry_writer.ts FOLDER NAME COUNT. */
import { RegistryStore } from "../../daemon/registry_store.ts";
import { toBase64 } from "../../lib/config/base64.ts";

const [folder, name, count] = Deno.args as [string, string, string];
const store = new RegistryStore(folder);
for (let i = 0; i < Number(count); i++) {
  store.update((registry) =>
    registry.addPeer({
      name: `${name}${i}`,
      publicKey: toBase64(crypto.getRandomValues(new Uint8Array(32))),
      address: undefined,
      routes: [],
      enabled: true,
      isolated: false,
      created: 0,
    })
  );
}
