// What a person says: on the command line, else in the environment, else in a file of answers.

import type { CommandLine } from "../../cli/options.ts";
import { errorText, UserError } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { nearest } from "../../core/text/nearest.ts";
import { readIfExists } from "../../os/files/files.ts";
import { ANSWERS } from "../command-line.ts";

/** By the names of options. */
export type Said = ReadonlyMap<string, string>;

/** @throws UserError: a line of the file is none */
export async function readSaid({ options }: CommandLine): Promise<Said> {
  const said = new Map(typeof options.answers === "string" ? await readAnswersFile(options.answers) : []);
  for (const name of Object.keys(ANSWERS)) {
    const inEnvironment = process.env[`LABFLEET_${name.toUpperCase().replaceAll("-", "_")}`];
    if (inEnvironment !== undefined && inEnvironment !== "") said.set(name, inEnvironment);
    const option = options[name];
    if (typeof option === "string") said.set(name, option);
  }
  return said;
}

async function readAnswersFile(path: string): Promise<[string, string][]> {
  const text = await readFile("answers", path);
  return text.split("\n").flatMap((whole, i): [string, string][] => {
    const line = whole.trim();
    if (line === "" || line.startsWith("#")) return [];
    const [, name = "", value = ""] = /^([a-z0-9-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (Object.hasOwn(ANSWERS, name)) return [[name, value]];
    const meant = nearest(name, Object.keys(ANSWERS));
    throw new UserError(
      `${path}, line ${i + 1}: ${name === "" ? "expected a line such as host=lab1" : `there is no ${quoted(name)}`}`,
      meant === null ? `one of ${Object.keys(ANSWERS).join(", ")}` : `did you mean ${meant}?`,
    );
  });
}

/** The text of the file that an option names; null: it is not said. @throws UserError: it is not there, or cannot be read */
export async function readGiven(said: Said, option: string): Promise<string | null> {
  const path = said.get(option);
  return path === undefined ? null : await readFile(option, path);
}

async function readFile(option: string, path: string): Promise<string> {
  const text = await readIfExists(path).catch((error: unknown) => {
    throw new UserError(`--${option}: cannot read ${path}: ${quoted(errorText(error))}`);
  });
  if (text === null) throw new UserError(`--${option}: there is no ${path}`);
  return text;
}
