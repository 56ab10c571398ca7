// How a host comes to a token: it is made on the collector, and shown once, so that its file on the host is written from the terminal. Pure.

import { type Command, type Fix, onHost } from "../finding.ts";

/** Where it lies on a host that was installed as its owner was told, and whose group reads it. */
const FILE = "/etc/labfleet/token";
const GROUP = "labfleet";

/** Makes one on the collector. */
export function addToken(host: string): Command {
  return { argv: ["sudo", "receiver", "token", "add", host], on: "collector" };
}

/** The same, and writes it on the host. */
export function giveToken(text: string, host: string, { path = FILE, group = GROUP } = {}): Fix {
  const paste = onHost("sudo", "install", "-D", "-m", "0640", "-g", group, "/dev/stdin", path);
  return { text, commands: [addToken(host), paste] };
}
