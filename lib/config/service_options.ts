/** The options of the commands that make a program a service of the machine. */
import type { Option } from "./command_line.ts";

const INSTALL_ROOT: Option = {
  name: "root",
  value: "DIR",
  help: "write below DIR, for another machine, and leave this one's services alone",
};

/** Of the command itself, besides those that the service is to have. */
export const INSTALL_OPTIONS: readonly Option[] = [
  { name: "no-start", help: "do not start the service now" },
  INSTALL_ROOT,
];
export const UNINSTALL_OPTIONS: readonly Option[] = [
  { name: "purge", help: "remove keys and all other state as well, and log files" },
  INSTALL_ROOT,
];
