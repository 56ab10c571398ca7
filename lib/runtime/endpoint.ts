// The receiver as lab-host.toml names it, with its defaults.

import { UserError } from "../core/failure.ts";
import type { ReceiverEndpoint } from "../core/types.ts";
import { optionalPath } from "../os/paths.ts";

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
