import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  formatRetired,
  formatSilence,
  parseRetired,
  parseSilence,
  silenceFile,
} from "../../../lib/fleet-health/orders/orders.ts";
import { readOrders, removeSilence, writeRetired, writeSilence } from "../../../lib/fleet-health/orders/read.ts";
import { tempDir } from "../../support/temp-dir.ts";

const SILENCE = {
  host: "lab2",
  symptom: "silent",
  fromMs: 1_777_600_000_000,
  untilMs: 1_777_607_200_000,
  reason: "moved",
};
const TEXT =
  '{"host":"lab2","symptom":"silent","from":"2026-05-01T01:46:40.000000+00:00","until":"2026-05-01T03:46:40.000000+00:00","reason":"moved"}\n';

test("a silence is read back as it was written, and has a name of its own for each host and symptom", () => {
  expect(formatSilence(SILENCE)).toBe(TEXT);
  expect(parseSilence(TEXT)).toEqual(SILENCE);
  expect([silenceFile(SILENCE), silenceFile({ host: "lab2", symptom: null })]).toEqual([
    "lab2 silent.json",
    "lab2.json",
  ]);
  expect(["", "{}", TEXT.replace("2026-05-01T01", "soon")].map(parseSilence)).toEqual([null, null, null]);
});

test("so are the retired", () => {
  const text = '{"lab4":"2026-05-01T01:46:40.000000+00:00"}\n';
  expect(formatRetired(new Map([["lab4", SILENCE.fromMs]]))).toBe(text);
  expect([...(parseRetired(text) ?? [])]).toEqual([["lab4", SILENCE.fromMs]]);
  expect(["", "[1]", '{"lab4":"soon"}'].map(parseRetired)).toEqual([null, null, null]);
});

test("what a person has said is kept, replaced and taken back", async () => {
  const dir = join(tempDir(), "fleet-health");
  expect(await readOrders(null)).toEqual({ orders: { silences: [], retiredMs: new Map() }, doubts: [] });
  expect((await readOrders(dir)).doubts).toEqual([]);
  await writeSilence(dir, SILENCE);
  await writeSilence(dir, { ...SILENCE, symptom: null });
  await writeSilence(dir, { ...SILENCE, reason: "moved again" });
  await writeRetired(dir, new Map([["lab4", SILENCE.fromMs]]));
  const { orders } = await readOrders(dir);
  expect(orders.silences.map(({ symptom, reason }) => [symptom, reason])).toEqual([
    ["silent", "moved again"],
    [null, "moved"],
  ]);
  expect([...orders.retiredMs]).toEqual([["lab4", SILENCE.fromMs]]);
  await removeSilence(dir, SILENCE);
  await removeSilence(dir, SILENCE);
  expect((await readOrders(dir)).orders.silences.map(({ symptom }) => symptom)).toEqual([null]);
});

test("a pipe among them is said, and keeps nobody from the others", async () => {
  const dir = tempDir();
  await writeSilence(dir, SILENCE);
  const pipe = join(dir, "silences.d/lab1.json");
  Bun.spawnSync(["mkfifo", pipe]);
  mkdirSync(join(dir, "retired.json"));
  const { orders, doubts } = await readOrders(dir);
  expect(orders.silences.map(({ host }) => host)).toEqual(["lab2"]);
  expect(doubts.map(({ fix }) => fix?.commands.map(({ argv }) => argv.join(" ")))).toEqual([
    [`sudo mv -T ${pipe} ${pipe}.aside`],
    [`sudo mv -T ${join(dir, "retired.json")} ${join(dir, "retired.json")}.aside`],
  ]);
});

test("a file that says nothing is said, and silences nobody", async () => {
  const dir = tempDir();
  mkdirSync(join(dir, "silences.d"));
  writeFileSync(join(dir, "silences.d/lab1.json"), "{");
  writeFileSync(join(dir, "retired.json"), "5");
  const { orders, doubts } = await readOrders(dir);
  expect([orders.silences.length, orders.retiredMs.size]).toEqual([0, 0]);
  expect(doubts.map(({ what }) => what)).toEqual([
    `${join(dir, "silences.d/lab1.json")} says nothing that can be understood`,
    `${join(dir, "retired.json")} says nothing that can be understood`,
  ]);
});
