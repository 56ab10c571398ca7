// Where a value stands in a configuration: the keys that lead to it, and the numbers, from 0, of elements of arrays.

import { quoted } from "../core/text/fields.ts";

export type KeyPath = readonly (string | number)[];

/** `nagios_runner.commands[0].name`; a key that needs quotes in TOML has them here. */
export function pathText(path: KeyPath): string {
  return path
    .map((part) => {
      if (typeof part === "number") return `[${part}]`;
      return /^[\w-]+$/.test(part) ? `.${part}` : `.${quoted(part)}`;
    })
    .join("")
    .replace(/^\./, "");
}

/** The header under which the keys of a table are written: `[heartbeat]`, `[[nagios_runner.commands]]`. */
export function headerText(table: KeyPath): string {
  const name = pathText(table.filter((part) => typeof part === "string"));
  return typeof table.at(-1) === "number" ? `[[${name}]]` : `[${name}]`;
}

/** True where `pattern`, such as `nagios_runner.commands.*.command`, fits: `*` stands for any one key or number. */
export function fits(pattern: string, path: KeyPath): boolean {
  const parts = pattern.split(".");
  return parts.length === path.length && parts.every((part, index) => part === "*" || part === path[index]);
}
