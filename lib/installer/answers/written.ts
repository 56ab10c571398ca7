// What a configuration says of what the installer itself goes by. It reads no more of it: whether a tool would start with it is that
// tool's to say (`config test`). Pure.

import { UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { parseToml } from "../../schema/toml.ts";
import { configPath, DATA_ROOTS, type Role } from "../wanted.ts";
import type { Said } from "./said.ts";

export const DEFAULT_LISTEN = "0.0.0.0:8443";

/** `host:port`, with an IPv6 address in brackets. Pure. */
export function isListen(text: string): boolean {
  const port = /^(?:\[[0-9a-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/i.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65535;
}

/** A configuration, parsed. */
export type Table = Readonly<Record<string, unknown>>;

/** @throws UserError: it is no TOML */
export function tableOf(role: Role, text: string): Table {
  return parseToml(text, configPath(role));
}

/** What stands there. @param section null: above all sections */
export function valueIn(table: Table, section: string | null, key: string): unknown {
  const inner = section === null ? table : table[section];
  return typeof inner === "object" && inner !== null ? (inner as Table)[key] : undefined;
}

/** Keys of the configuration that an option is about. */
const KEYS: Readonly<Record<Role, readonly (readonly [option: string, section: string | null, key: string])[]>> = {
  "lab-host": [
    ["host", null, "host_id"],
    ["url", "receiver", "url"],
    ["data-root", "paths", "data_root"],
  ],
  collector: [
    ["listen", null, "listen"],
    ["data-root", "paths", "data_root"],
  ],
};

/** @throws UserError: something else is said than stands there */
export function sameAsBefore(said: Said, role: Role, table: Table): void {
  const file = configPath(role);
  for (const [option, section, key] of KEYS[role]) {
    const stands = valueIn(table, section, key);
    const value = said.get(option);
    if (value !== undefined && value !== stands)
      throw new UserError(
        `--${option} ${quoted(value)} is not what stands in ${file}: ${stands === undefined ? "nothing" : quoted(String(stands))}`,
        `leave --${option} out, or change ${file}`,
      );
  }
}

/** What of the configuration the checks go by: where the receiver listens (null: none does), and `drain_timeout_s` by its tool. */
export function settingsIn(role: Role, table: Table) {
  const listen = role === "lab-host" ? null : typeof table.listen === "string" ? table.listen : DEFAULT_LISTEN;
  const drains = ["shipper", "heartbeat", "receiver"].flatMap((name) => {
    const drain = valueIn(table, name, "drain_timeout_s");
    return typeof drain === "number" && drain >= 0 ? [[name, drain] as const] : [];
  });
  return { listen, drainS: Object.fromEntries(drains) };
}

/** Where data lie. */
export function dataRootIn(role: Role, table: Table): string {
  const path = valueIn(table, "paths", "data_root");
  return typeof path === "string" && path.startsWith("/") ? path.replace(/(?<=.)\/+$/, "") : DATA_ROOTS[role];
}

/** What the units of labfleet do not see, or see another one in its place. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp|dev|proc|sys)(?:\/|$)/;

/** What is wrong with a place for data; null: nothing. Pure. */
export function dataRootFault(path: string): string | null {
  if (!/^\/[A-Za-z0-9._/-]*[A-Za-z0-9_-]$/.test(path) || path.split("/").some((part) => part === ".."))
    return "an absolute path of letters, digits and . _ - /";
  return HIDDEN.test(path) ? "another place, such as /srv/labfleet: the units do not see that one" : null;
}
