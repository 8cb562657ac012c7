import type { ProgramDescription } from "../../../lib/help/program_description.ts";

/** A program whose texts have all in them that a shell or troff could take for its own. */
export const AWKWARD: ProgramDescription = {
  name: "it-server",
  summary: "serves",
  manual: {
    description: [".begins like a request", "has \\fBbackslashes\\fR and -- dashes"],
    examples: [["it-server -x", "Do it."]],
    files: [["/var/lib/it", "Its files."]],
    signals: [],
  },
  commands: [
    {
      name: "serve",
      usage: "[OPTION ...]",
      help: "serve until stopped",
      options: [
        { name: "port", short: "p", value: "PORT", help: 'it\'s [the] port: `id` $(id) \\ "2002"' },
        { name: "level", value: "LEVEL", words: ["low", "high"], help: "how much" },
        { name: "state", value: "DIR", help: "folder" },
        { name: "config", value: "FILE", help: "file" },
        { name: "route", value: "CIDR", repeats: true, help: "a network" },
      ],
    },
    { name: "peers list", usage: "", help: "who is there", options: [] },
    {
      name: "peers add",
      usage: "NAME",
      help: "one more",
      options: [{ name: "isolate", help: "alone" }],
    },
    { name: "check", usage: "FILE", help: "look at a file", options: [] },
  ],
};
