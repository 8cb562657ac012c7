/** What the manual pages say besides commands and options. */
import type { Manual, Term } from "./program_description.ts";

const COUNTERS: Term = ["SIGUSR2", "Log the packet counters, drops by reason among them."];
const STOP: Term = [
  "SIGINT, SIGTERM, SIGHUP",
  "Undo all that was changed on this machine, and end. A second one ends the program there and then.",
];
const RELOAD: Term = [
  "SIGHUP, with --config",
  "Read the configuration file anew, and go on; the log says what came of it. If it comes because the " +
  "terminal is gone, it ends the program all the same.",
];
const OWN_FOLDER: Term = [
  "$XDG_STATE_HOME/simplevpn, ~/.local/state/simplevpn",
  "The same for other users than root.",
];

export const SERVER_MANUAL: Manual = {
  description: [
    "simplevpn joins machines into one IP network, through a tunnel that gets out of almost any " +
    "firewall: over TCP to one port of one server, or over UDP where that serves better. " +
    "This is the server; simplevpn-client runs on each machine that joins.",
    "Everything is encrypted and authenticated, and nobody gets in who was not invited: each " +
    'machine joins with an invite of its own, which works once. The commands "invite" and "peers" ' +
    "change who may connect; a running server follows at once.",
    "Without a command it serves clients until it is stopped.",
  ],
  examples: [
    ["simplevpn-server", "Serve on TCP and UDP port 2002."],
    [
      "simplevpn-server invite pi --host vpn.example.org",
      "Print the line with which one machine can join as pi.",
    ],
    [
      "simplevpn-server peers set pi --route 192.168.7.0/24",
      "Let everybody reach the network behind the pi.",
    ],
    ["simplevpn-server peers remove pi", "Cut the pi off, at once and for good."],
    ["simplevpn-server status --watch", "Show who is connected and how, once a second."],
    ["simplevpn-server doctor", "Find what keeps it from serving, and what to do about it."],
    ["simplevpn-server install", "Serve as a systemd service, from now on and after each boot."],
  ],
  files: [
    [
      "/var/lib/simplevpn",
      "The server's key, who may connect, and which address each has; --state names another folder.",
    ],
    OWN_FOLDER,
  ],
  signals: [STOP, RELOAD, COUNTERS],
};

export const CLIENT_MANUAL: Manual = {
  description: [
    "simplevpn joins machines into one IP network, through a tunnel that gets out of almost any " +
    "firewall: over TCP to one port of one server, or over UDP where that serves better. " +
    "This is the client, which joins the machine that it runs on; simplevpn-server is what it " +
    "connects to.",
    "The first time it is given the invite that the server's owner made. From then on it knows the " +
    "server, and needs no argument. It comes back by itself after whatever happens: a lost " +
    "connection, a changed network, a restarted server.",
  ],
  examples: [
    ["simplevpn-client simplevpn://...", "Join with an invite, and stay connected."],
    ["simplevpn-client --invite-file -", "Read the invite from stdin, where nobody else sees it."],
    ["simplevpn-client", "Connect to the server that was joined before."],
    ["simplevpn-client status", "Show how it is connected, what passes, and what is dropped."],
    [
      "simplevpn-client --full-tunnel",
      "Send all that this machine sends through the tunnel, and let nothing pass it by.",
    ],
    [
      "simplevpn-client doctor",
      "Find what keeps the tunnel from working, and what to do about it.",
    ],
    [
      "simplevpn-client install simplevpn://...",
      "Join and stay connected as a systemd service, from now on and after each boot.",
    ],
  ],
  files: [
    [
      "/var/lib/simplevpn",
      "This machine's key, and the server that it joined; --state names another folder.",
    ],
    OWN_FOLDER,
  ],
  signals: [STOP, RELOAD, COUNTERS],
};
