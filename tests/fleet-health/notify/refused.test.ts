// Channels over real sockets and real programs: what is said where a notice was not taken.

import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findingText } from "../../../lib/core/finding.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { pipeTo } from "../../../lib/fleet-health/notify/delivery/pipe.ts";
import { post } from "../../../lib/fleet-health/notify/delivery/post.ts";
import { send } from "../../../lib/fleet-health/notify/delivery/send.ts";
import { explainPosted } from "../../../lib/fleet-health/notify/delivery/web-failures.ts";
import { makeAuthority } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { CAREFUL, withEnv } from "../../support/with-env.ts";
import { channel, hook, NOTICE, raw, stopAll, stopLast, stopped, why } from "./servers.ts";

afterEach(stopAll);

describe("what was not taken", () => {
  test("by its answer: only a 2xx has taken it, and a gateway's word says nothing", async () => {
    const answers = [201, 204, 299, 300, 302, 403, 404, 422, 429, 500, 502, 504].map(
      (status) => [status, hook(status, status === 204 ? "" : "no\nway").url] as const,
    );
    const outcomes = await Promise.all(
      answers.map(
        async ([status, url]) =>
          `${status} ${(await why(send(channel({ url }), NOTICE))).replace(new URL(url).host, "HOST")}`,
      ),
    );
    expect(outcomes).toEqual([
      "201 taken",
      "204 taken",
      "299 taken",
      '300 refused: it answered 300: "no\\nway"; fix: name in url where that leads: no redirect is followed',
      '302 refused: it answered 302: "no\\nway"; fix: name in url where that leads: no redirect is followed',
      '403 refused: it answered 403: "no\\nway"; fix: name its token in token_file, or write a name and a password into url: https://name:password@host/',
      '404 refused: it answered 404: "no\\nway"; fix: mend url: there is no such place',
      '422 refused: it answered 422: "no\\nway"; fix: see in the log of HOST what it misses, or name another place in url',
      '429 refused: it answered 429: "no\\nway"; fix: nothing, if it takes the next one: HOST has been sent too much of late',
      '500 refused: it answered 500: "no\\nway"; fix: look into the log of HOST: the fault is there',
      '502 unsure: it answered 502: "no\\nway"; fix: look into the log of HOST: the fault is there',
      '504 unsure: it answered 504: "no\\nway"; fix: look into the log of HOST: the fault is there',
    ]);
  });

  test("for nobody was there: refused; for the line broke after all had gone out: unsure", async () => {
    const closed = await raw(() => undefined);
    await stopLast();
    expect(await why(send(channel({ url: closed }), NOTICE))).toStartWith("refused: ");
    const cut = await raw((socket) => socket.once("data", () => socket.destroy()));
    expect(await why(send(channel({ url: cut }), NOTICE))).toStartWith("unsure: ");
    const silent = await raw(() => undefined);
    expect(await post({ url: new URL(silent) }, "x", 200)).toEqual({
      kind: "failed",
      failure: { code: null, message: "no answer within 0.2 s", isMute: true },
      wasSent: true,
    });
  });

  test.each(CAREFUL)(
    "for its certificate is of nobody known, or of another name; with its authority in ca_bundle it is%s",
    async (_, env) => {
      using _env = withEnv(env);
      const authority = makeAuthority(tempDir());
      const { cert, key } = authority.issue("hook", { san: "DNS:localhost" });
      const got: string[] = [];
      const server = Bun.serve({
        ...{ port: 0, hostname: "127.0.0.1", tls: { cert, key } },
        fetch: async (request) => new Response(`${got.push(await request.text())}`),
      });
      stopped({ stop: () => server.stop(true) });
      const url = `https://localhost:${server.port}/hook`;
      const said = (more: Partial<Channel>) => why(send(channel({ url, ...more }), NOTICE));
      expect(await said({})).toMatch(
        /^refused: nobody known has signed its certificate: .*; fix: name its authority's certificate in ca_bundle$/,
      );
      const other = makeAuthority(tempDir()).certFile;
      expect(await said({ caBundle: other })).toEndWith(
        `; fix: ${other} must hold the certificate of the authority that signed`,
      );
      const { certFile: caBundle } = authority;
      expect(await said({ caBundle, url: url.replace("localhost", "127.0.0.1") })).toMatch(
        /^refused: its certificate is not of 127.0.0.1: .*; fix: name it in url as its certificate does$/,
      );
      const none = join(tempDir(), "none");
      writeFileSync(none, "x");
      expect(await said({ caBundle: none })).toBe(
        `refused: ${none} holds no certificate; fix: write the authority's there, as PEM`,
      );
      expect(await said({ caBundle, url: hook().url.replace("http:", "https:") })).toMatch(
        /^refused: it speaks no TLS, and url says https:\/\/: .*; fix: name another port in url, or http:\/\/ where/,
      );
      expect(got).toEqual([]);
      expect(await said({ caBundle })).toBe("taken");
      const token = join(tempDir(), "url");
      writeFileSync(token, `${url}\n`);
      expect(await said({ caBundle, url: null, urlFile: token })).toBe("taken");
      expect(got).toHaveLength(2);
    },
  );

  test("for a directory stands in the setting: it is not moved away", async () => {
    const directory = tempDir();
    expect(await why(send(channel({ urlFile: directory }), NOTICE))).toMatch(
      /^refused: \S+ cannot be read: "EISDIR: .*; fix: name a file: the setting names something else$/,
    );
  });

  test("for its secret is not there", async () => {
    const missing = join(tempDir(), "nothing");
    expect(await why(send(channel({ urlFile: missing }), NOTICE))).toBe(
      `refused: ${missing} is empty, or not there; fix: write it anew`,
    );
    writeFileSync(missing, "not a url\n");
    expect(await why(send(channel({ urlFile: missing }), NOTICE))).toBe(
      `refused: ${missing} must hold an address that begins with http:// or https://; fix: write it anew`,
    );
  });

  test("for what stands in its files is no address, no token and no certificate", async () => {
    const file = join(tempDir(), "file");
    const { url, got } = hook();
    const said = (text: string, more: Partial<Channel>) => {
      writeFileSync(file, text);
      return why(send(channel({ url, ...more }), NOTICE));
    };
    const address = { url: null, urlFile: file };
    expect(await said("localhost:9000/hook\n", address)).toBe(
      `refused: ${file} must hold an address that begins with http:// or https://; fix: write it anew`,
    );
    expect(await said("http://user:100%@x/\n", address)).toBe(
      `refused: ${file} must hold an address with %25 in place of each % of its name and password; fix: write it anew`,
    );
    for (const token of ["S3CR\u00e9T", "S3CRET 🔑", "S3C\rRET", "S3C\0RET"])
      expect(await said(`${token}\n`, { tokenFile: file })).toBe(
        `refused: ${file} holds a character that no header field can hold; fix: write the token there anew, alone in the first line`,
      );
    const { cert } = makeAuthority(tempDir()).issue("x", { san: "DNS:x" });
    expect(await said(cert.slice(0, 300), { caBundle: file })).toBe(
      `refused: ${file} holds a certificate that cannot be read: "Invalid CA"; fix: write the authority's there, as PEM`,
    );
    expect(got).toEqual([]);
  });

  test("whatever it is posted to and with: nothing is thrown", async () => {
    const posted = (url: string, headers = {}) => post({ url: new URL(url), headers }, "x", 1000);
    for (const url of ["http://a:%@127.0.0.1:1/", "ftp://127.0.0.1/", "mailto:a@b"])
      expect(await posted(url)).toMatchObject({ kind: "failed", wasSent: false });
    for (const headers of [{ title: "🔑" }, { "a b": "c" }, { title: "a\r\nb" }])
      expect(await posted("http://127.0.0.1:1/", headers)).toMatchObject({ kind: "failed", wasSent: false });
    expect(await post({ url: new URL("https://127.0.0.1:1/"), ca: "-----BEGIN CERTIFICATE-----" }, "x")).toMatchObject({
      kind: "failed",
    });
  });

  test("by an answer that never ends, or is cut: its status counts, with what has come of it", async () => {
    const head = "HTTP/1.1 500 No\r\ncontent-length: 999999\r\n\r\nfull";
    const endless = await raw((socket) => socket.once("data", () => socket.write(head)));
    expect(await post({ url: new URL(endless) }, "x", 500)).toEqual({ kind: "status", status: 500, text: "full" });
    const cut = await raw((socket) => socket.once("data", () => socket.end(head)));
    expect(await why(send(channel({ url: cut }), NOTICE))).toStartWith('refused: it answered 500: "full"; fix: ');
    // Nobody reads all of it.
    const flood = await raw((socket) => {
      const more = (): void => {
        while (socket.write("x".repeat(4096)));
      };
      socket.on("drain", more);
      socket.once("data", () => socket.write(head.replace("999999", "99999999999"), more));
    });
    const { text } = (await post({ url: new URL(flood) }, "x", 60_000)) as { text: string };
    expect(text).toBe(`full${"x".repeat(196)}`);
  });

  test("by what speaks TLS, or no HTTP, where url says http://", async () => {
    const { cert, key } = makeAuthority(tempDir()).issue("hook", { san: "DNS:localhost" });
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: () => new Response("") });
    stopped({ stop: () => server.stop(true) });
    const end = "; fix: if it speaks TLS, write https:// in url";
    expect(await why(send(channel({ url: `http://127.0.0.1:${server.port}/` }), NOTICE))).toBe(
      `unsure: ECONNRESET: "socket hang up"${end}`,
    );
    const ssh = await raw((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await why(send(channel({ url: ssh }), NOTICE))).toMatch(
      /^unsure: what listens there speaks no HTTP: HPE_\w+: .*; fix: name in url the port of a service that speaks HTTP; if it speaks TLS, write https:\/\/ in url$/,
    );
    const { url } = hook(400, "The plain HTTP request was sent to HTTPS port");
    expect(await why(send(channel({ url }), NOTICE))).toEndWith(end);
  });

  test("by what takes the connection and says nothing, encrypted or not", async () => {
    const silent = await raw(() => undefined);
    for (const url of [silent, silent.replace("http:", "https:")]) {
      const posted = await post({ url: new URL(url) }, "x", 300);
      expect(findingText(explainPosted(posted, { url: new URL(url), key: "url", caBundle: null }))).toBe(
        'it takes the connection, and says nothing: "no answer within 0.3 s"; fix: see whether what listens there hangs, or name another port in url',
      );
    }
  });

  test("by one that says what it was given: no secret is in what it said", async () => {
    const echo = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { pathname, search } = new URL(request.url);
        const seen = `POST ${pathname}${search} authorization: ${request.headers.get("authorization")}`;
        return new Response(seen, { status: 401 });
      },
    });
    stopped({ stop: () => echo.stop(true) });
    const [tokenFile, urlFile] = ["token", "url"].map((name) => join(tempDir(), name)) as [string, string];
    writeFileSync(tokenFile, "S3CRET\n");
    const at = `127.0.0.1:${echo.port}/services/T000/Xyz?key=abcd1234`;
    writeFileSync(urlFile, `http://${at}\n`);
    const shown = 'refused: it answered 401: "POST … authorization: ';
    expect(await why(send(channel({ urlFile, tokenFile }), NOTICE))).toStartWith(`${shown}Bearer …"; fix: `);
    expect(await why(send(channel({ url: `http://hub:open%20sesame@${at}` }), NOTICE))).toMatch(
      /^refused: it answered 401: "POST … authorization: Basic …"; fix: /,
    );
  });

  test("by a program: its code and words, that it is not there, and that it did not end", async () => {
    const sh = (script: string, ms?: number) => why(pipeTo(["/bin/sh", "-c", script], "x", ms));
    expect(await sh("cat >/dev/null; echo full >&2; exit 4")).toBe(
      'refused: "/bin/sh" ended with 4: "full"; fix: mend that program: it gets the notice on its standard input, and half a minute, and says by 0 that it took it',
    );
    expect(await why(pipeTo(["/nowhere/page"], "x"))).toMatch(
      /^refused: cannot start "\/nowhere\/page".*; fix: name in command a program that is there and may be run, by its whole path$/,
    );
    expect(await sh("sleep 60", 200)).toStartWith("unsure: ");
    expect(await sh("echo postdrop: warning >&2; exit 75")).toContain("; fix: sendmail gets no rights of its own");
  });
});
