// Tables of lab-host.toml that configure no plugin: a typo in a name shall not pass in silence. Pure.

import { type Finding, here, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";

/** Has a table of its own, outside of [plugins]. */
export const NAGIOS_RUNNER = "nagios_runner";

export interface PluginNames {
  /** Plugins that take no settings. */
  builtIn: readonly string[];
  /** Those of plugins_dir that could be loaded. */
  own: readonly string[];
  /** Files that could not: nobody knows the names in them. */
  brokenFiles: readonly string[];
}

/** @param tables names of [plugins.<name>]; one finding for each that nobody reads */
export function unreadTables(tables: readonly string[], { builtIn, own, brokenFiles }: PluginNames): Finding[] {
  const stems = brokenFiles.map((file) => file.replace(/\.[a-z]+$/, ""));
  return tables.flatMap((name) => {
    if (name === NAGIOS_RUNNER || own.includes(name) || stems.includes(name)) return [];
    const table = `[plugins.${/^[\w-]+$/.test(name) ? name : quoted(name)}]`;
    if (builtIn.includes(name))
      return [{ what: `${table} is ignored: this plugin takes no settings`, fix: inWords("remove the table") }];
    return [unread(`${table} configures no plugin`, name, [...own, ...stems], brokenFiles)];
  });
}

function unread(what: string, name: string, known: readonly string[], brokenFiles: readonly string[]): Finding {
  const meant = nearest(name, [...known, NAGIOS_RUNNER]);
  if (meant === NAGIOS_RUNNER) return { what, fix: inWords(`write [${NAGIOS_RUNNER}]`) };
  if (meant !== null) return { what, fix: inWords(`write [plugins.${meant}]`) };
  const unless = brokenFiles.length === 0 ? "" : `, unless it is in ${brokenFiles.join(" or ")}, which failed to load`;
  const fix = { text: "see which there are", commands: [here("sudo", "heartbeat", "plugins")] };
  return { what: `${what}: none has that name${unless}`, fix };
}
