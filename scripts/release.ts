// Makes a release: every tool for every target, taken apart into pieces, and one signed list of what it is made of, in
// dist/release/<version>/. `bun run release [--key FILE] [--serial N] …` · `bun run release keygen [--out DIR] [--no-password]`.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { reportFailure } from "../lib/cli/main.ts";
import { errorText, UserError } from "../lib/core/failure.ts";
import { parseSeconds } from "../lib/core/text/quantity.ts";
import { complain } from "../lib/os/answer.ts";
import { KEY_DIR, makeKeys, openKey } from "./release/keys.ts";
import { makeRelease } from "./release/make.ts";

/** @throws UserError: an option that there is not */
function commandLine() {
  try {
    return parseArgs({
      options: {
        key: { type: "string", default: join(KEY_DIR, "release.key") },
        serial: { type: "string" },
        "min-serial": { type: "string", default: "0" },
        expires: { type: "string", default: "30d" },
        target: { type: "string", multiple: true, default: ["all"] },
        out: { type: "string" },
        "no-password": { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UserError(errorText(error));
  }
}

/** @throws UserError: it is no whole number */
function whole(text: string, option: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new UserError(`--${option}: found ${text}, expected a whole number`);
}

async function run(): Promise<void> {
  const { values, positionals } = commandLine();
  const [verb, ...more] = positionals;
  if (more.length > 0 || (verb !== undefined && verb !== "keygen"))
    throw new UserError(`no verb ${positionals.join(" ")}: there is keygen, and without one a release is made`);
  if (verb === "keygen") return await makeKeys(values.out ?? KEY_DIR, !values["no-password"]);
  const expiresS = parseSeconds(values.expires);
  if (expiresS === null) throw new UserError(`--expires: found ${values.expires}, expected a time such as 30d`);
  const nowMs = Date.now();
  // Grows by itself, on whatever machine the release is made.
  const serial = values.serial === undefined ? Math.floor(nowMs / 1000) : whole(values.serial, "serial");
  const minSerial = whole(values["min-serial"], "min-serial");
  if (minSerial > serial) throw new UserError(`--min-serial ${minSerial} is above the serial, which is ${serial}`);
  const key = await openKey(values.key);
  makeRelease({ key, nowMs, expiresS, targets: values.target, serial, minSerial });
}

try {
  await run();
} catch (error) {
  process.exit(reportFailure("release", error, complain));
}
