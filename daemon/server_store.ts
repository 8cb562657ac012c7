import { LeaseStore } from "./lease_store.ts";
import { RegistryStore } from "./registry_store.ts";
import { TimestampStore } from "./timestamp_store.ts";

/**
 * All that a server has to remember of others, behind one interface: servers that are to share it will
 * have another store. What is not written yet is written when it is disposed of.
 */
export interface ServerStore extends Disposable {
  /** Who may connect, and open invites. */
  readonly registry: RegistryStore;
  /** Addresses of classic clients. */
  readonly leases: LeaseStore;
  /** Of each peer's latest handshake. */
  readonly timestamps: TimestampStore;
}

/** The store that is files of a state folder. @throws {Failure} if they make no sense */
export function openServerStore(folder: string): ServerStore {
  const registry = new RegistryStore(folder);
  const leases = new LeaseStore(folder);
  const timestamps = new TimestampStore(folder);
  return {
    registry,
    leases,
    timestamps,
    [Symbol.dispose]: () => {
      leases.close();
      timestamps.close();
    },
  };
}
