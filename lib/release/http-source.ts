// A release as a collector serves it (docs/protocol.md). What proves it is its signature and its digests, not the way that it comes.

import { request as plain } from "node:http";
import { request as secure } from "node:https";
import { RELEASE_HEADER } from "../contract/release.ts";
import { EXIT } from "../core/exit.ts";
import { errorText, UserError } from "../core/failure.ts";
import { byCommands } from "../core/finding.ts";
import { quoted } from "../core/text/fields.ts";
import { CURRENT } from "./shelf.ts";
import type { ReleaseSource } from "./source.ts";

/** Without a byte for so long it is given up. */
const IDLE_MS = 30_000;

/** @param url of the collector @param ca authorities that may have signed for it, as PEM; null: those that everybody knows */
export function httpSource(url: string, ca: string | null): ReleaseSource {
  const base = url.replace(/\/+$/, "");
  let name = CURRENT;
  return {
    name: base,
    async read(path) {
      const { status, headers, body } = await get(`${base}/releases/${name}/${path}`, ca);
      if (status === 404) return null;
      if (status !== 200) throw new UserError(`${base} answers ${status} for ${path}`, STATUS, EXIT.undelivered);
      const said = headers[RELEASE_HEADER.toLowerCase()];
      // From now on of this one, whatever is current by then.
      if (name === CURRENT && typeof said === "string" && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(said)) name = said;
      return body;
    },
    [Symbol.dispose]: () => {},
  };
}

const STATUS = byCommands({ argv: ["sudo", "receiver", "status"], on: "collector" });

interface Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: AsyncIterable<Uint8Array>;
}

/** No redirect is followed, and no proxy variable obeyed. @throws UserError: it does not come about */
function get(address: string, ca: string | null): Promise<Answer> {
  const url = new URL(address);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const send = url.protocol === "https:" ? secure : plain;
  const call = send(url, { agent: false, rejectUnauthorized: true, ...(ca !== null && { ca }) });
  const fail = (error: unknown): void =>
    reject(new UserError(`cannot reach ${url.origin}: ${quoted(errorText(error))}`, null, EXIT.undelivered));
  call.setTimeout(IDLE_MS, () => call.destroy(new Error(`nothing came for ${IDLE_MS / 1000} s`)));
  call.on("error", fail);
  call.on("response", (answer) =>
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answer as AsyncIterable<Uint8Array> }),
  );
  call.end();
  return promise;
}
