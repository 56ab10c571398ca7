// The parts of lab-host.toml that every tool of a lab host reads: who it is, and where its receiver is.

import { isName, NAME_RULE } from "../core/names.ts";
import { type } from "./ark.ts";

export const hostIdField = type("string").narrow((text, ctx) => isName(text) || ctx.mustBe(NAME_RULE));

const httpUrl = type("string").narrow((text, ctx) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const fits =
    url !== null && /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "" && url.username === "";
  return (
    fits || ctx.mustBe('an http:// or https:// URL without user, query or fragment, such as "https://collector.wg"')
  );
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
});

/** What is missing most often, with a line to write. */
export const HOST_EXAMPLES = {
  host_id: 'host_id = "lab1"',
  receiver: '[receiver] with url = "https://collector.wg"',
  "receiver.url": 'url = "https://collector.wg"',
};
