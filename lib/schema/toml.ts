// TOML text -> plain values, or what is wrong with it in a sentence that shows no value. Pure.

import { parse, TomlError } from "smol-toml";
import { UserError } from "../core/failure.ts";
import { printable } from "../core/text/printable.ts";
import { plainFor } from "./strange-characters.ts";

/** A bare or quoted key, dotted or not, before its `=`: never a part of a value. */
const KEY = /^((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

/** A key with a value that is words without quotes, the commonest mistake of all; neither number, date, true nor false. */
const BARE_VALUE = /^[^=]*=\s*(?!(?:true|false|inf|nan)\s*(?:#|$))[A-Za-z/~.][^"'#[{]*(?:#.*)?$/;

/** A table's header; of quoted keys too much could be a line of an array of strings. */
const HEADER = /^\[{1,2}[\w.\- ]+\]{1,2}/;

/** Parses a configuration text. @param file its name, for the message @throws UserError (exit 2): it is no TOML */
export function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split("\n")[0]?.replace("Invalid TOML document: ", "") ?? "syntax error";
    const whole = text.split("\n")[error.line - 1] ?? "";
    const line = whole.trim();
    // The line may hold a secret, or be a part of one: only a key before its "=" or a table's head is shown.
    const shown = KEY.exec(line)?.[1] ?? HEADER.exec(line)?.[0];
    const where = shown === undefined ? "" : ` (at \`${printable(shown)}\`)`;
    const quotes =
      shown !== undefined && BARE_VALUE.test(line) ? `text stands in quotes: ${printable(shown)} = "…"` : null;
    const hint = plainFor(whole, error.column) ?? quotes;
    const said = `${file}:${error.line}:${error.column}: not valid TOML: ${what}${where}`;
    throw new UserError(hint === null ? said : `${said}; ${hint}`, `mend ${file}`);
  }
}
