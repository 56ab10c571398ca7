// The parts of lab-host.toml that every tool of a lab host reads: who it is, and where its receiver is.

import { isName, NAME_RULE, OPERATOR } from "../contract/names.ts";
import { urlFault } from "../core/receiver-url.ts";
import { type } from "./ark.ts";

export const hostIdField = type("string").narrow((text, ctx) => {
  if (!isName(text)) return ctx.mustBe(NAME_RULE);
  return (
    text !== OPERATOR || ctx.mustBe(`another name, such as "lab1": ${OPERATOR} is whose token reads about all hosts`)
  );
});

const httpUrl = type("string").narrow((text, ctx) => {
  const fault = urlFault(text);
  return fault === null || ctx.mustBe(fault);
});

/** The table [receiver]. */
export const receiverTable = type({
  url: httpUrl,
  "ca_bundle?": "string",
  "client_cert?": "string",
  "client_key?": "string",
  "bearer_token?": "string",
  "bearer_token_file?": "string",
  "verify_tls?": "boolean",
  "kind?": "'labfleet' | 'python'",
  "trusted_network?": "boolean",
});

/** What is missing most often, with a line to write. */
export const HOST_EXAMPLES = {
  host_id: 'host_id = "lab1"',
  receiver: '[receiver] with url = "https://collector.wg:8443"',
  "receiver.url": 'url = "https://collector.wg:8443"',
};
