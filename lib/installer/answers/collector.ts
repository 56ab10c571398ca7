// The collector that is named, and whom to trust to be it: for taking the release from there.

import { UserError } from "../../core/failure.ts";
import { urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists } from "../../os/files/files.ts";
import { configPath } from "../wanted.ts";
import { readGiven, type Said } from "./said.ts";
import { tableOf, valueIn } from "./written.ts";

export interface Collector {
  url: string;
  /** Authorities that may have signed for it, as PEM; null: those that everybody knows. */
  ca: string | null;
}

/** Null: none is named now. @throws UserError: it is no address, or whom to trust cannot be read */
export async function collectorOf(said: Said): Promise<Collector | null> {
  const url = said.get("url");
  if (url === undefined) return null;
  const fault = urlFault(url);
  if (fault !== null) throw new UserError(`--url: found ${quoted(url)}, expected ${fault}`);
  return { url, ca: (await readGiven(said, "ca-bundle")) ?? (await trustedBefore()) };
}

async function trustedBefore(): Promise<string | null> {
  const before = await readIfExists(configPath("lab-host"));
  if (before === null) return null;
  const path = valueIn(tableOf("lab-host", before), "receiver", "ca_bundle");
  return typeof path === "string" ? await readIfExists(path) : null;
}
