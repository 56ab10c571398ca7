// A host gets its token for a code, over a real socket and on a real disk; and whoever should not does not.

import { afterEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CODE_BYTES, codeOf, isCode, parseEnrolAnswer, tokenOf } from "../../../lib/contract/enrolment.ts";
import type { Code } from "../../../lib/contract/enrolment-code.ts";
import { createTokenCheck } from "../../../lib/receiver/access/auth.ts";
import { findCode, pruneCodes, writeCode } from "../../../lib/receiver/enrolment/codes.ts";
import { cleanUp, IDENTITY, keptLog, rawStatus, sha256, startReceiver, type TestOptions } from "../support.ts";

afterEach(cleanUp);

const CODE = "0123456789abcdefghjk";
const TOKEN = tokenOf(new Uint8Array(32));
const HASH = sha256(TOKEN);
const OTHER = sha256("other");
const hour = (): Code => ({
  ...{ made_at: new Date().toISOString(), until: new Date(Date.now() + 3_600_000).toISOString() },
  ...{ host: null, replaces: false, used: null },
});

async function scene(code: Partial<Code> | null = {}, options: TestOptions = {}) {
  const deps = { checkToken: () => "unknown" as const, ...options.deps };
  const receiver = await startReceiver({ ...options, deps });
  const codes = join(receiver.dataRoot, "enrolment");
  const tokens = join(receiver.dataRoot, "tokens.d");
  mkdirSync(tokens, { recursive: true });
  if (code !== null) await writeCode(codes, CODE, { ...hour(), ...code });
  const ask = async (more: object = {}) => {
    const body = JSON.stringify({ code: CODE, host_id: "lab9", token_sha256: HASH, ...more });
    const answer = await fetch(`${receiver.url}/v1/enrol`, { method: "POST", body, proxy: "" });
    const text = await answer.text();
    const { reason, detail } = JSON.parse(text) as { reason?: string; detail?: string };
    return { status: answer.status, text, reason, detail };
  };
  const takes = (host: string, token = TOKEN): unknown => createTokenCheck(tokens, keptLog())(host, `Bearer ${token}`);
  return { receiver, codes, tokens, ask, takes };
}

test("a new host is enrolled, and hears so again when it asks again", async () => {
  const { receiver, codes, ask, takes } = await scene();
  const would = await ask({ dry_run: true });
  expect([would.status, parseEnrolAnswer(would.text)?.status, takes("lab9")]).toEqual([200, "would", "unknown"]);
  for (const _ of [1, 2]) {
    const { status, text } = await ask();
    expect([status, parseEnrolAnswer(text)]).toEqual([
      200,
      { status: "enrolled", host_id: "lab9", receiver_id: IDENTITY.id },
    ]);
    expect(takes("lab9")).toBe("valid");
  }
  expect((await findCode(codes, CODE))?.used).toMatchObject({ host: "lab9", token_sha256: HASH });
  expect(receiver.log.lines.filter((line) => line.includes("enrolled lab9")).length).toBe(1);
  // Neither the code nor the token lies anywhere.
  const all = [...readdirSync(codes), ...readdirSync(codes).map((name) => readFileSync(join(codes, name), "utf8"))];
  expect(all.join("\n")).not.toContain(CODE);
});

test("a second token for a code is refused, and said as what it may be", async () => {
  const { receiver, ask, takes } = await scene();
  await ask();
  const second = await ask({ token_sha256: OTHER });
  expect([second.status, second.reason, takes("lab9")]).toEqual([409, "code-used", "valid"]);
  expect(receiver.log.lines.find((line) => line.startsWith("error: "))).toMatch(
    /^error: a code that lab9 was enrolled with was sent again, with another token, from 127\.0\.0\.1:\d+: two machines have it; fix: if lab9 is not the machine that it was meant for: sudo receiver token revoke lab9 --all$/,
  );
});

test("somebody who sends it again and again is said once, and the first stands in the code's file", async () => {
  const { receiver, codes, ask } = await scene();
  await ask();
  expect((await ask({ token_sha256: OTHER, dry_run: true })).status).toBe(409);
  expect((await findCode(codes, CODE))?.again).toBeUndefined();
  for (const token_sha256 of [OTHER, OTHER, sha256("third")]) expect((await ask({ token_sha256 })).status).toBe(409);
  expect(receiver.log.lines.filter((line) => line.startsWith("error: ")).length).toBe(1);
  const again = (await findCode(codes, CODE))?.again;
  expect(again?.remote).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(Math.abs(Date.now() - Date.parse(again?.at ?? ""))).toBeLessThan(600_000);
});

test("a token that somebody took away by hand does not come back by its code", async () => {
  const { codes, tokens, ask, takes } = await scene();
  expect((await ask()).status).toBe(200);
  expect((await findCode(codes, CODE))?.added).toBe(true);
  rmSync(join(tokens, "lab9"));
  expect(await ask()).toMatchObject({
    ...{ status: 409, reason: "code-used" },
    detail: "this code was used, and the token that lab9 got for it was taken away since",
  });
  expect([takes("lab9"), readdirSync(tokens)]).toEqual(["unknown", []]);
});

test("of two lines for one host the newer one counts, and none once the host is enrolled", async () => {
  const { codes, ask } = await scene({ host: "lab9", replaces: true });
  await writeCode(codes, "z".repeat(20), { ...hour(), host: "lab9", replaces: true });
  await writeCode(codes, "y".repeat(20), { ...hour(), host: "lab8" });
  expect((await ask()).status).toBe(200);
  expect((await ask({ code: "z".repeat(20), token_sha256: OTHER })).reason).toBe("code-unknown");
  expect(await findCode(codes, "y".repeat(20))).not.toBeNull();
  // Whoever has not heard the answer asks again.
  expect((await ask()).status).toBe(200);
});

test("what stands in the place of a token file is said, and a code is not used up", async () => {
  for (const make of [
    (file: string) => writeFileSync(file, "no token\n"),
    (file: string) => mkdirSync(file),
    (file: string) => Bun.spawnSync(["mkfifo", file]),
  ]) {
    const { receiver, codes, tokens, ask } = await scene({ host: "lab9", replaces: true });
    make(join(tokens, "lab9"));
    expect(await ask()).toMatchObject({ status: 503, reason: "tokens-unreadable" });
    expect((await findCode(codes, CODE))?.used).toBeNull();
    expect(receiver.log.lines.join("\n")).toContain(`fix: put it aside: sudo mv -T ${join(tokens, "lab9")} `);
  }
});

test("of two that use a code at once one gets it", async () => {
  const { ask, tokens } = await scene();
  const both = await Promise.all([ask({ host_id: "lab8" }), ask({ host_id: "lab9", token_sha256: OTHER })]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(readdirSync(tokens).length).toBe(1);
});

test("a kill between the code and the token costs nothing: the same hash is given its token", async () => {
  const { ask, takes } = await scene({ used: { host: "lab9", token_sha256: HASH, at: new Date().toISOString() } });
  expect((await ask({ token_sha256: OTHER })).reason).toBe("code-used");
  expect((await ask()).status).toBe(200);
  expect(takes("lab9")).toBe("valid");
});

test("a code that is none, is over, or is another's is refused, and nothing is written", async () => {
  for (const [code, more, status, reason] of [
    [null, {}, 403, "code-unknown"],
    [{ until: new Date(Date.now() - 1).toISOString() }, {}, 403, "code-unknown"],
    [{ host: "lab8" }, {}, 403, "wrong-host"],
    [{}, { host_id: "HUB" }, 403, "reserved-name"],
    [{}, { host_id: "Seen" }, 409, "host-exists"],
    [{}, { host_id: "lab 9" }, 400, "malformed"],
    [{}, { token_sha256: "x" }, 400, "malformed"],
    [{}, { code: "x" }, 400, "malformed"],
    [{}, { code: undefined }, 400, "malformed"],
  ] as const) {
    const { ask, tokens } = await scene(code);
    const answer = await ask(more);
    expect([answer.status, answer.reason, readdirSync(tokens)]).toEqual([status, reason, []]);
    expect(answer.text).not.toContain(CODE);
  }
});

test("a machine that takes another's place takes its tokens away; one whose tokens were all revoked has its name still", async () => {
  const { ask, tokens, takes } = await scene({ host: "lab1", replaces: true });
  writeFileSync(join(tokens, "lab1"), `sha256:${OTHER}\nsha256:${sha256("third")}\n`);
  expect((await ask({ host_id: "lab1" })).status).toBe(200);
  expect([takes("lab1"), takes("lab1", "other")]).toEqual(["valid", "unknown"]);
  const revoked = await scene();
  writeFileSync(join(revoked.tokens, "lab9"), "");
  expect((await revoked.ask()).reason).toBe("host-exists");
});

test("where the receiver may not add tokens a code is not used up", async () => {
  const { receiver, codes, tokens, ask } = await scene();
  rmSync(tokens, { recursive: true });
  expect(await ask()).toMatchObject({ status: 503, reason: "tokens-closed" });
  expect((await findCode(codes, CODE))?.used).toBeNull();
  expect(receiver.log.lines.join("\n")).toContain(
    `cannot add a token below ${tokens} (ENOENT); fix: make it: sudo install -d -m 2770 -g labfleet ${tokens} && `,
  );
});

test("a collector that asks for no token enrols nobody, one that is stopping asks for patience", async () => {
  const { ask } = await scene({}, { deps: { checkToken: null } });
  expect(await ask()).toMatchObject({ status: 404, reason: "not-found", detail: "no token is asked for here" });
  const stopping = await scene();
  stopping.receiver.state.stopping = true;
  expect(await stopping.ask()).toMatchObject({ status: 503, reason: "stopping" });
});

test("the authority's certificate is for everybody, where there is one", async () => {
  const { receiver } = await scene();
  expect((await fetch(`${receiver.url}/ca.crt`, { proxy: "" })).status).toBe(404);
  const own = await scene({}, { deps: { authority: async () => "PEM\n" } });
  const answer = await fetch(`${own.receiver.url}/ca.crt`, { proxy: "" });
  expect([answer.status, await answer.text()]).toEqual([200, "PEM\n"]);
  expect(await rawStatus(own.receiver.port, "PUT /ca.crt HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")).toBe(
    "405",
  );
  expect(await rawStatus(own.receiver.port, "GET /v1/enrol HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("405");
});

test("a flood of wrong codes is counted, and locks nobody out", async () => {
  const { receiver, ask, takes } = await scene();
  await Promise.all(Array.from({ length: 50 }, () => ask({ code: "z".repeat(20) })));
  expect((await ask()).status).toBe(200);
  expect(takes("lab9")).toBe("valid");
  const [sum] = await receiver.sums();
  expect(sum).toMatchObject({ what: "enrolment", reason: "code-unknown", host_id: null, count: 50 });
});

test("codes whose time is over go, and no clock brings them back", async () => {
  const { codes } = await scene();
  await writeCode(codes, "z".repeat(20), { ...hour(), until: new Date(Date.now() + 7_200_000).toISOString() });
  writeFileSync(join(codes, "note"), "somebody's");
  await pruneCodes(codes, Date.now() + 3_600_001);
  expect([await findCode(codes, CODE), readdirSync(codes).length]).toEqual([null, 2]);
  await pruneCodes(join(codes, "none"), 0);
  chmodSync(codes, 0o755);
  expect(existsSync(join(codes, "note"))).toBe(true);
});

test("a code has 100 random bits and no character that people mistake for another", () => {
  const code = codeOf(Uint8Array.from({ length: CODE_BYTES }, (_, i) => i * 13));
  expect([code, isCode(code)]).toEqual([`0d${code.slice(2)}`, true]);
  expect([
    isCode(code.slice(1)),
    isCode(`${code}0`),
    isCode(code.replace("0", "o")),
    isCode(code.toUpperCase()),
  ]).toEqual([...[false, false, false, false]]);
  expect(new Set(codeOf(Uint8Array.from({ length: 256 }, (_, i) => i))).size).toBe(32);
});
