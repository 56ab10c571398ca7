// The collector that is named, now or by the configuration, and whom to trust to be it.

import { endpointOf, type ReceiverTable } from "../../client/endpoint.ts";
import type { ReceiverEndpoint } from "../../contract/endpoint.ts";
import { isName } from "../../contract/names.ts";
import { UserError } from "../../core/failure.ts";
import { urlFault } from "../../core/receiver-url.ts";
import { quoted } from "../../core/text/fields.ts";
import { readIfExists } from "../../os/files/files.ts";
import { configPath } from "../wanted.ts";
import { fetchAuthority } from "./authority.ts";
import { readGiven, type Said } from "./said.ts";
import { type Table, tableOf, valueIn } from "./written.ts";

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
  const fingerprint = said.get("ca-sha256");
  if (fingerprint === undefined) return { url, ca: (await readGiven(said, "ca-bundle")) ?? (await trustedBefore()) };
  if (said.has("ca-bundle"))
    throw new UserError("--ca-sha256 and --ca-bundle say the same in two ways", "leave one out");
  return { url, ca: await fetchAuthority(url, fingerprint) };
}

async function trustedBefore(): Promise<string | null> {
  const before = await readIfExists(configPath("lab-host"));
  if (before === null) return null;
  const path = valueIn(tableOf("lab-host", before), "receiver", "ca_bundle");
  return typeof path === "string" ? await readIfExists(path) : null;
}

/** The receiver that a lab host's configuration names, and by which name; null: it names none that could be asked. */
export function receiverIn(table: Table): { hostId: string; receiver: ReceiverEndpoint } | null {
  const [hostId, receiver, url] = [table.host_id, table.receiver, valueIn(table, "receiver", "url")];
  if (typeof hostId !== "string" || !isName(hostId) || typeof url !== "string" || urlFault(url) !== null) return null;
  // A value of another type than it should be is no value: the tool's own test says so.
  const kept = Object.entries(receiver as Table).filter(([key, value]) => typeof value === TYPES.get(key));
  const known = Object.fromEntries(kept) as unknown as ReceiverTable;
  return { hostId, receiver: endpointOf(known, configPath("lab-host")) };
}

const TYPES: ReadonlyMap<string, "string" | "boolean"> = new Map([
  ...["url", "ca_bundle", "client_cert", "client_key", "bearer_token", "bearer_token_file", "kind"].map(
    (key) => [key, "string"] as const,
  ),
  ...["verify_tls", "trusted_network"].map((key) => [key, "boolean"] as const),
]);
