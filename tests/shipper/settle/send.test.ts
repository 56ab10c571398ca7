// What goes over the wire about an episode, and what is noted of the answer: over real HTTP.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixText } from "../../../lib/core/finding.ts";
import { settingsOf } from "../../../lib/runtime/config/settings.ts";
import { type SendDeps, sendArchive } from "../../../lib/shipper/settle/send.ts";
import { pinPath } from "../../../lib/shipper/trust/pin.ts";
import { COLLECTOR_ID, judgement, type Say, scriptedCollector } from "../../support/scripted-collector.ts";
import { scriptedEngine } from "../../support/scripted-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SHA = "a".repeat(64);
const SUBJECT = { id: "ep1", bytes: 4, sha256: SHA, tree_sha256: "b".repeat(64), code_commit: "abc" };
const RECEIPT = {
  status: "stored",
  host_id: "lab1",
  episode_id: "ep1",
  bytes: 4,
  sha256: SHA,
  tree_sha256: null,
  received_at_wall: "2026-05-01T00:00:00.000000+00:00",
  receiver_id: COLLECTOR_ID,
};

/** Asks a collector that answers so; with what was asked and noted. */
async function exchange(
  say: Say | ((headers: Record<string, unknown>) => Say),
  resource: "put" | "judge" = "put",
  pinned: string | null = null,
  kind: "labfleet" | "python" = "labfleet",
) {
  const root = tempDir();
  let headers: Record<string, unknown> = {};
  const collector = await scriptedCollector(
    (ask) => {
      headers = ask.headers;
      return typeof say === "function" ? say(headers) : say.body === "judge" ? judgement(ask, "accept") : say;
    },
    () => "Fri, 01 May 2026 06:37:53 GMT",
  );
  const { engine, dirs } = scriptedEngine(root, () => ({ kind: "cancelled" }), collector.url);
  writeFileSync(join(dirs.outbox, "ep1.tar.zst"), "data");
  if (pinned !== null) writeFileSync(pinPath(root), JSON.stringify({ receiver_id: pinned }));
  const days: number[] = [];
  const config = engine.deps.settings.current();
  const deps: SendDeps = {
    ...engine.deps,
    settings: settingsOf({ ...config, receiver: { ...config.receiver, kind } }),
    machine: "-;0123456789abcdef",
    days: { today: () => 0, seen: async (at) => void days.push(at) },
  };
  const result = await sendArchive(deps, SUBJECT, resource, new AbortController().signal, () => {});
  return { result, headers, days, root, asked: collector.asked };
}

describe("a PUT", () => {
  test("says what it carries, whose code recorded it, and from which machine", async () => {
    const { headers, asked } = await exchange({ status: 201, body: RECEIPT });
    expect(asked).toEqual(["PUT ep1"]);
    expect(headers).toMatchObject({
      "content-length": "4",
      "repr-digest": expect.stringMatching(/^sha-256=:[A-Za-z0-9+/]{43}=:$/),
      "x-labfleet-tree-digest": `sha256:${"b".repeat(64)}`,
      "x-labfleet-code-commit": "abc",
      "x-labfleet-machine": "-;0123456789abcdef",
      "x-labfleet-head-digest": expect.stringMatching(/^X-Labfleet-Code-Commit [0-9a-f]{64}$/),
    });
    expect(headers["transfer-encoding"]).toBeUndefined();
  });

  test("whose receipt is the first pins its receiver, and steps its days", async () => {
    const { result, days, root } = await exchange({ status: 201, body: RECEIPT });
    expect(result).toMatchObject({ verdict: { kind: "delivered", pin: COLLECTOR_ID }, finding: null, status: 201 });
    expect(JSON.parse(readFileSync(pinPath(root), "utf8"))).toMatchObject({
      receiver_id: COLLECTOR_ID,
      source: "receipt",
    });
    expect(days).toEqual([Date.parse("2026-05-01T06:37:53Z")]);
  });

  for (const [what, say] of [
    ["an error", { status: 500, body: "x" }],
    ["a refusal of credentials", { status: 401, body: "x" }],
    ["a receipt of something else", { status: 201, body: { ...RECEIPT, bytes: 5 } }],
  ] as [string, Say][]) {
    test(`that gets ${what} pins nobody, steps no day, and says what mends it`, async () => {
      const { result, days, root } = await exchange(say);
      expect(existsSync(pinPath(root))).toBe(false);
      expect([result.verdict.kind, days]).toEqual(["retry", []]);
      expect(result.finding?.fix?.text).not.toBe("");
    });
  }
});

describe("a refusal by a receiver that nobody trusts yet", () => {
  const refusal = (status: number, reason: string): Say =>
    judgement(
      {
        method: "PUT",
        id: "ep1",
        headers: {},
        question: { bytes: 4, sha256: SHA, tree_sha256: null, code_commit: "abc" },
      },
      { status, reason, more: reason === "conflict" ? { sha256: "c".repeat(64) } : {} },
    );
  for (const [status, reason] of [
    [409, "conflict"],
    [412, "commit-not-accepted"],
    [413, "too-large"],
  ] as const) {
    test(`${reason}: the episode waits, and the remedy is the line that trusts it`, async () => {
      const { result, root } = await exchange(refusal(status, reason));
      expect(result.verdict).toMatchObject({ kind: "retry", reason });
      expect(result.finding?.what).toEndWith(", and this host trusts no receiver yet to judge");
      expect(result.finding?.fix?.commands[0]?.argv).toEqual(["sudo", "shipper", "pin", "--accept", COLLECTOR_ID]);
      expect(existsSync(pinPath(root))).toBe(false);
    });
  }

  test("missing-commit: the stamp stands first, for with it the receiver is trusted by itself", async () => {
    const { result } = await exchange(refusal(400, "missing-commit"));
    const fix = result.finding?.fix ?? { text: "", commands: [] };
    expect(fixText(fix)).toBe(
      `write the commit of the recording code into shipper.commit_file, or as code_commit into each episode's meta.json; or if \`sudo receiver identity\` on the collector you mean shows this id, and its data disk is mounted, trust it; else mount that, or mend receiver.url: sudo shipper pin --accept ${COLLECTOR_ID}`,
    );
  });

  test("by the one that is trusted, with an echo of something else, is told as ever", async () => {
    const { body } = refusal(409, "conflict");
    const { result } = await exchange(
      { ...refusal(409, "conflict"), body: { ...Object(body), echo: null } },
      "put",
      COLLECTOR_ID,
    );
    expect(result.verdict.kind).toBe("retry");
    expect(result.finding?.what).not.toContain("trusts no receiver");
  });

  test("any other refusal of it, or one without our mark, is told as ever", async () => {
    for (const say of [refusal(507, "disk-reserve"), { ...refusal(409, "conflict"), headers: {} }]) {
      const { result } = await exchange(say);
      expect(result.finding?.what).not.toContain("trusts no receiver");
    }
  });
});

describe("an answer without our mark that may be the Python fleet's receiver's", () => {
  const plain = { "x-labfleet-receiver-id": "" };
  const json = { ...plain, "content-type": "application/json" };
  const NAMED = 'if the Python fleet\'s receiver answers there, set [receiver] kind = "python"; else ';
  for (const status of [400, 409, 412]) {
    test(`${status} with JSON waits alone, and its remedy names the kind before the general one`, async () => {
      const { result } = await exchange({ status, headers: json, body: { detail: "no" } });
      expect(result.verdict).toMatchObject({ kind: "retry", reason: `status-${status}`, isMarked: false });
      const { text, commands } = result.finding?.fix ?? { text: "", commands: [] };
      expect(text).toBe(
        `${NAMED}set receiver.url to the receiver's own address; at a labfleet receiver this says alive`,
      );
      expect(commands[0]?.argv.slice(0, 2)).toEqual(["curl", "-sS"]);
    });
  }

  for (const [what, say, resource, kind] of [
    ["a gateway's bare answer", { status: 412, headers: plain }, "put", "labfleet"],
    ["a page", { status: 400, headers: { ...plain, "content-type": "text/html" }, body: "<html>" }, "put", "labfleet"],
    ["a list", { status: 400, headers: json, body: [] }, "put", "labfleet"],
    ["a status that it does not give", { status: 422, headers: json, body: {} }, "put", "labfleet"],
    [
      "somebody's problem, as a gateway says it",
      { status: 400, headers: { ...plain, "content-type": "application/problem+json" }, body: {} },
      "put",
      "labfleet",
    ],
    [
      "a receiver of ours, garbled",
      { status: 409, headers: { "content-type": "application/json" }, body: {} },
      "put",
      "labfleet",
    ],
    ["what answers a judge call", { status: 400, headers: json, body: {} }, "judge", "labfleet"],
    ["one whose kind is set", { status: 409, headers: json, body: { bytes: 5 } }, "put", "python"],
  ] as [string, Say, "put" | "judge", "labfleet" | "python"][]) {
    test(`is not ${what}`, async () => {
      const { result } = await exchange(say, resource, null, kind);
      expect(result.verdict.kind).toBe("retry");
      expect(result.finding?.fix?.text).not.toContain("python");
    });
  }
});

test("the judge is asked with the same figures, and its word pins its receiver, too", async () => {
  const { result, asked, root } = await exchange({ status: 200, body: "judge" }, "judge");
  expect(asked).toEqual(["POST ep1"]);
  expect(result.verdict).toEqual({ kind: "would", would: "accept", pin: COLLECTOR_ID });
  expect(JSON.parse(readFileSync(pinPath(root), "utf8"))).toMatchObject({ source: "judge" });
});

test("a pin that cannot be read stops the queue before a byte is sent, with the remedy", async () => {
  const root = tempDir();
  const { engine } = scriptedEngine(root, () => ({ kind: "cancelled" }));
  writeFileSync(pinPath(root), "{");
  const result = await sendArchive(engine.deps, SUBJECT, "put", new AbortController().signal, () => {});
  expect(result.verdict).toMatchObject({ kind: "pause", reason: "pin" });
  expect(result.finding?.fix?.text).toContain("sudo shipper pin --accept ID");
});

test("of two collectors behind one name that answer at once only one is trusted", async () => {
  const root = tempDir();
  const ids = [COLLECTOR_ID, "2".repeat(32)];
  const collector = await scriptedCollector(({ id }) => {
    const receiver_id = ids[Number(id.slice(2)) % 2] ?? "";
    const headers = { "x-labfleet-receiver-id": receiver_id };
    return { status: 201, headers, body: { ...RECEIPT, episode_id: id, receiver_id } };
  });
  const { engine, dirs } = scriptedEngine(root, () => ({ kind: "cancelled" }), collector.url);
  const signal = new AbortController().signal;
  const results = await Promise.all(
    Array.from({ length: 12 }, async (_, n) => {
      writeFileSync(join(dirs.outbox, `ep${n}.tar.zst`), "data");
      const { verdict } = await sendArchive(engine.deps, { ...SUBJECT, id: `ep${n}` }, "put", signal, () => {});
      return [n % 2, verdict.kind];
    }),
  );
  const pinned = ids.indexOf(JSON.parse(readFileSync(pinPath(root), "utf8")).receiver_id);
  expect<unknown>(results).toEqual(results.map(([of]) => [of, of === pinned ? "delivered" : "other-receiver"]));
});
