import { expect, test } from "bun:test";
import { formatState, parseState, type State } from "../../../lib/fleet-health/state/state.ts";

const STATE: State = {
  index: {
    checkpoint: { device: 65024, inode: 12, offset: 345, head: "aa", before: "bb" },
    seen: new Map([
      ["lab1", { any: { text: "2026-05-01T06:00:00+02:00", micros: 5 }, own: { text: "x", micros: 4 } }],
      ["lab2", { any: { text: "y", micros: 7 }, own: null }],
    ]),
    sinceMicros: 3,
  },
  past: new Map([
    [
      "lab1",
      {
        ...{ takenMs: 17.5, failing: { count: 1, firstMs: 18, lastMs: 18, reason: "internal" } },
        ...{ backlog: { hour: 4, lows: [1, 2] }, quarantine: { count: 2, from: 1, grewMs: 9 }, unheardMs: 300_000 },
      },
    ],
  ]),
  watch: {
    incidents: [
      {
        ...{ host: "lab1", symptom: "silent", cause: "queue", what: "it has shipped nothing", fix: null },
        ...{ phase: "firing", pendingRuns: 2, sinceMs: 10, firedMs: 12, isTold: true, heldBy: null },
        ...{ hasNoData: false, flappingMs: null, hosts: [] },
      },
    ],
    fires: new Map([["lab1|silent", [12]]]),
    runsMs: [12, 11],
  },
  tick: { sequence: 7, boot: "b", uptimeS: 60.5, ageMs: 9 },
  setBacks: [{ fromMs: 15, toMs: 8, attempts: { "1970-01-01.jsonl": 90 } }],
  mailboxes: [
    {
      ...{
        channel: "ops",
        waiting: [],
        notice: { id: "ops-4-4", isRetried: false, rows: [] },
        failures: 1,
        nextTryMs: 20,
      },
      open: ["lab1|silent|b"],
    },
  ],
  retired: ["lab9"],
  sequence: 4,
  rows: [
    {
      ...{ sequence: 4, at: "a", host: "lab1", hosts: [], symptom: "silent", cause: "queue", change: "firing" },
      ...{ told: true, since: "b", fired_at: "c", what: "w", fix: "f" },
    },
  ],
};

const TEXT =
  '{"labfleet":2,"index":{"checkpoint":{"device":65024,"inode":12,"offset":345,"head":"aa","before":"bb"},' +
  '"seen":[["lab1","2026-05-01T06:00:00+02:00",5,"x",4],["lab2","y",7,null,null]],"since_us":3},' +
  '"past":[["lab1",{"takenMs":17.5,"failing":{"count":1,"firstMs":18,"lastMs":18,"reason":"internal"},' +
  '"backlog":{"hour":4,"lows":[1,2]},"quarantine":{"count":2,"from":1,"grewMs":9},"unheardMs":300000}]],"incidents":[{"host":"lab1","symptom":"silent","cause":"queue",' +
  '"what":"it has shipped nothing","fix":null,"phase":"firing","pendingRuns":2,"sinceMs":10,"firedMs":12,"isTold":true,' +
  '"heldBy":null,"hasNoData":false,"flappingMs":null,"hosts":[]}],"fires":[["lab1|silent",[12]]],"runs_ms":[12,11],"set_backs":[{"fromMs":15,"toMs":8,"attempts":{"1970-01-01.jsonl":90}}],"tick":{"sequence":7,"boot":"b","uptimeS":60.5,"ageMs":9},' +
  '"mailboxes":[{"channel":"ops","waiting":[],"notice":{"id":"ops-4-4","isRetried":false,"rows":[]},"failures":1,"nextTryMs":20,' +
  '"open":["lab1|silent|b"]}],"retired":["lab9"],"sequence":4,"rows":[{"sequence":4,"at":"a","host":"lab1","hosts":[],"symptom":"silent",' +
  '"cause":"queue","change":"firing","told":true,"since":"b","fired_at":"c","what":"w","fix":"f"}]}\n';

test("a state is read back as it was, hosts in their order", () => {
  expect(formatState(STATE)).toBe(TEXT);
  expect(parseState(TEXT)).toEqual(STATE);
  expect([...(parseState(TEXT)?.index.seen.keys() ?? [])]).toEqual(["lab1", "lab2"]);
  const whole = { ...STATE, index: { ...STATE.index, sinceMicros: null } };
  expect(parseState(formatState(whole))).toEqual(whole);
});

test("what older releases do not write of a mailbox may be there, in its form", () => {
  const [box] = STATE.mailboxes;
  if (box === undefined) throw new Error("there is no mailbox");
  const notice = { id: "ops-4-4", isRetried: false, rows: [], dropped: 2 };
  const more = { ...STATE, mailboxes: [{ ...box, notice, dropped: 3, lastFailure: { what: "no", fix: "mend it" } }] };
  const text = formatState(more);
  expect(parseState(text)).toEqual(more);
  expect(parseState(text.replace('"dropped":3', '"dropped":"3"'))).toBeNull();
  expect(parseState(text.replace('"dropped":2', '"dropped":"2"'))).toBeNull();
  expect(parseState(text.replace('"fix":"mend it"', '"fix":null'))).toBeNull();
});

test.each([
  ["torn", TEXT.slice(0, -20)],
  ["of another form", TEXT.replace('"labfleet":2', '"labfleet":1')],
  ["without a checkpoint", TEXT.replace('"offset":345,', "")],
  ["with a row that is short", TEXT.replace(",null,null]", "]")],
  ["with a time that is none", TEXT.replace('"y",7', '"y","7"')],
  ["with a phase that there is not", TEXT.replace('"firing","pendingRuns"', '"burning","pendingRuns"')],
  ["with an incident that lacks whether it was told", TEXT.replace('"isTold":true,', "")],
  ["with a notice that has no id", TEXT.replace('"id":"ops-4-4",', "")],
  ["with a row of the history that has no number", TEXT.replace('"sequence":4,"at"', '"at"')],
  ["nothing at all", ""],
])("%s: none", (_, text) => {
  expect(parseState(text)).toBeNull();
});
