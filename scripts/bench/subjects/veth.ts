import type { Subject } from "../subject.ts";

/** The cable itself, which every tunnel runs over. */
export const veth: Subject = {
  name: "veth",
  start: ({ outer }) => {
    return Promise.resolve({
      address: outer.server,
      programs: undefined,
      startTime: undefined,
    });
  },
};
