// Why the receiver cannot have its port, and what gives it one. A port that is taken and an address that is not there yet, as before a
// tunnel is up, are the machine's: systemd tries again, and finds them mended. Pure.

import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { type Fix, here, lineFix } from "../../core/finding.ts";
import { dropInLine } from "../../core/linux/unit-fix.ts";
import { quoted } from "../../core/text/fields.ts";

export interface ListenFault {
  host: string;
  port: number;
  /** The errno; null: the name has no address. */
  code: string | null;
  /** The machine's words. */
  text: string;
  /** The unit that this process is, with its suffix; null: a person has started it. */
  service: string | null;
  /** The command that this person typed, for root. */
  asRoot: Fix;
}

/** A port that only who has this capability may use. */
const BIND = "CAP_NET_BIND_SERVICE";

export function cannotListen({ host, port, code, text, service, asRoot }: ListenFault): UserError {
  const at = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const no = `cannot listen on ${at}`;
  if (code === "EADDRINUSE") {
    const look = here("sudo", "ss", "-ltnp", `sport = :${port}`);
    const fix = { text: "end what has it, or set another port in `listen`; this shows what has it", commands: [look] };
    return new UserError(`${no}: the port is in use`, fix, EXIT.undelivered);
  }
  if (code === "EADDRNOTAVAIL") {
    const fix = {
      text: "bring up the network or the tunnel that has it, or set `listen` to an address of this machine; it has these",
      commands: [here("ip", "-brief", "address")],
    };
    return new UserError(`${no}: this machine does not have that address, or not yet`, fix, EXIT.undelivered);
  }
  if (code === "EACCES")
    return new UserError(`${no}: a port below 1024 takes a right of its own`, right(service, asRoot));
  if (code === null)
    return new UserError(
      `${no}: ${quoted(text)}`,
      "set `listen` to an address, or let the name service know the name",
      EXIT.undelivered,
    );
  return new UserError(`${no}: ${quoted(text)}`, 'set `listen = "<address>:<port>"` to an address of this machine');
}

function right(service: string | null, { commands }: Fix): Fix {
  if (service === null) return { text: "set a port above 1023 in `listen`, or run this as root", commands };
  const settings = [`AmbientCapabilities=${BIND}`, `CapabilityBoundingSet=${BIND}`];
  return lineFix(
    `set a port above 1023 in \`listen\`, or give it that right: ${dropInLine(service, "port", settings)}`,
  );
}
