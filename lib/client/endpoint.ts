// The receiver as lab-host.toml names it, with its defaults.

import type { ReceiverEndpoint } from "../contract/endpoint.ts";
import { UserError } from "../core/failure.ts";
import { type Finding, inWords } from "../core/finding.ts";
import { optionalPath, relativeRemarks } from "../os/files/paths.ts";

/** The table [receiver] once its types are checked. */
export interface ReceiverTable {
  url: string;
  ca_bundle?: string;
  client_cert?: string;
  client_key?: string;
  bearer_token?: string;
  bearer_token_file?: string;
  verify_tls?: boolean;
  kind?: "labfleet" | "python";
  trusted_network?: boolean;
}

/**
 * @param file the configuration's name, for messages
 * @throws UserError when a certificate has no key
 */
export function endpointOf(receiver: ReceiverTable, file: string): ReceiverEndpoint {
  if ((receiver.client_cert ?? "") !== "" && (receiver.client_key ?? "") === "") {
    throw new UserError(
      `${file}: receiver.client_cert is set but receiver.client_key is missing: add client_key = "…"`,
    );
  }
  return {
    url: receiver.url.replace(/\/+$/, ""),
    caBundle: optionalPath(receiver.ca_bundle),
    clientCert: optionalPath(receiver.client_cert),
    clientKey: optionalPath(receiver.client_key),
    bearerToken: receiver.bearer_token === "" ? null : (receiver.bearer_token ?? null),
    bearerTokenFile: optionalPath(receiver.bearer_token_file),
    verifyTls: receiver.verify_tls ?? true,
    kind: receiver.kind ?? "labfleet",
    trustedNetwork: receiver.trusted_network ?? false,
  };
}

/** What is odd about the table. Never the token. */
export function endpointRemarks(receiver: ReceiverTable, file: string): Finding[] {
  const { ca_bundle, client_cert, client_key, bearer_token_file } = receiver;
  const remarks = relativeRemarks(file, {
    "receiver.ca_bundle": ca_bundle,
    "receiver.client_cert": client_cert,
    "receiver.client_key": client_key,
    "receiver.bearer_token_file": bearer_token_file,
  });
  if ((receiver.bearer_token ?? "") !== "" && (bearer_token_file ?? "") !== "")
    remarks.push({
      what: `${file}: receiver.bearer_token is not used, because bearer_token_file is set`,
      fix: inWords("remove the line bearer_token"),
    });
  if ((client_key ?? "") !== "" && (client_cert ?? "") === "")
    remarks.push({
      what: `${file}: receiver.client_key is not used, because client_cert is not set`,
      fix: inWords('add client_cert = "…", or remove the line client_key'),
    });
  return remarks;
}
