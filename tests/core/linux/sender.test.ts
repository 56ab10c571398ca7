// What is said of a signal's sender, from literal records; a name cannot pass for anything else.

import { describe, expect, test } from "bun:test";
import { describeSender, parseRecords, type SignalRecord } from "../../../lib/core/linux/sender.ts";

const STAT = "4242 (a) b) S 4100 4242 4100 0 -1 4194560 99 0 0 0 0 0 0 0 20 0 1 0 1201945 2764800 230 18446744\n";
const HYBRID =
  "4:memory:/user.slice/wrong.service\n1:name=systemd:/x\n0::/user.slice/user-1000.slice/session-3.scope\n";
const PKILL = {
  pid: 4242,
  uid: 1000,
  name: "pkill\n",
  stat: STAT,
  cgroup: HYBRID,
  login: "1000",
  parentName: "bash\n",
};

/** The bytes of a record, as lib/os/process/signal-sender.c writes them. */
function encode(record: Partial<typeof PKILL> & { signal?: number; code?: number; state?: number; parent?: number }) {
  const { signal = 15, code = 0, pid = 0, uid = 0, state = 0, parent = 0 } = record;
  const texts = [record.name, record.stat, record.cgroup, record.login, record.parentName].map((text) =>
    new TextEncoder().encode(text ?? ""),
  );
  const size = 48 + texts.reduce((sum, { length }) => sum + length, 0);
  const head = new Int32Array([size, signal, code, pid, uid, state, parent, ...texts.map(({ length }) => length)]);
  return Buffer.concat([Buffer.from(head.buffer), ...texts]);
}

const parseOne = (record: Parameters<typeof encode>[0]): SignalRecord | undefined =>
  parseRecords(encode(record)).records[0];

describe("a record", () => {
  test("holds what the kernel and /proc said: the last `)` ends a name, the 0:: line is the cgroup", () => {
    expect(parseOne({ ...PKILL, parent: 4100 })).toEqual({
      ...{ signal: 15, code: 0, pid: 4242, uid: 1000, state: "seen", name: "pkill", startTicks: 1201945 },
      ...{ parentPid: 4100, parentName: "bash", cgroup: "/user.slice/user-1000.slice/session-3.scope", loginUid: 1000 },
    });
  });

  test("holds null for whatever could not be read", () => {
    expect(parseOne({ signal: 1, pid: 4242, uid: 0, state: 1 })).toEqual({
      ...{ signal: 1, code: 0, pid: 4242, uid: 0, state: "gone", name: null, startTicks: null },
      ...{ parentPid: null, parentName: null, cgroup: null, loginUid: null },
    });
  });

  test("keeps a name as it is, but for the line break that /proc adds", () => {
    for (const [name, kept] of [
      ["a\nb\n\n", "a\nb\n"],
      ["\n", ""],
      ["0:: (1)\n", "0:: (1)"],
      ["é\n", "é"],
    ] as const)
      expect(parseOne({ ...PKILL, name })?.name).toBe(kept);
  });

  test("knows large uids, and that 4294967295 is nobody's login", () => {
    expect(parseOne({ ...PKILL, uid: -2, login: "4294967295" })).toMatchObject({ uid: 4294967294, loginUid: null });
    expect(parseOne({ ...PKILL, login: "4294967294" })?.loginUid).toBe(4294967294);
    expect(parseOne({ ...PKILL, login: "0" })?.loginUid).toBe(0);
  });

  test("with texts cut off says null, never something else", () => {
    const cut = parseOne({
      ...PKILL,
      stat: "4242 (pkill) S 41",
      cgroup: "1:name=systemd:/a.service\n0:",
      login: "10x",
    });
    expect(cut).toMatchObject({ startTicks: null, cgroup: null, loginUid: null });
  });
});

describe("records from a pipe", () => {
  const three = Buffer.concat([1, 2, 15].map((signal) => encode({ ...PKILL, signal })));

  test("come in order, and a part of one at the end is left, wherever the cut is", () => {
    const size = three.length / 3;
    for (let cut = 0; cut <= three.length; cut++) {
      const { records, rest } = parseRecords(three.subarray(0, cut));
      expect(records.map(({ signal }) => signal)).toEqual([1, 2, 15].slice(0, Math.floor(cut / size)));
      expect(rest.length).toBe(cut % size);
    }
  });

  test("that are none are dropped, whatever the bytes are", () => {
    for (const bytes of [
      Buffer.alloc(4096),
      Buffer.alloc(100, 0xff),
      Buffer.alloc(48, 1),
      Buffer.from([47, 0, 0, 0]),
    ]) {
      expect(parseRecords(bytes).records).toEqual([]);
    }
    const wild = encode(PKILL);
    wild.fill(0xff, 4, 48);
    expect(parseRecords(wild).records).toHaveLength(1);
    expect(parseRecords(Buffer.concat([encode(PKILL), Buffer.alloc(64)])).records).toHaveLength(1);
  });
});

const BASE: SignalRecord = {
  ...{ signal: 15, code: 0, pid: 4242, uid: 1000, state: "seen", name: "pkill", startTicks: 7, parentPid: 4100 },
  ...{ parentName: "bash", cgroup: "/user.slice/user-1000.slice/session-3.scope", loginUid: 1000 },
};
const NOTHING = { name: null, startTicks: null, parentPid: null, parentName: null, cgroup: null, loginUid: null };
const IN_A_SERVICE = { cgroup: "/system.slice/cron.service/payload", loginUid: null };
const UNPROVEN = "pkill(4242), by its own word";
const SESSION = { uid: 1000, loginuid: 1000, session: "session-3.scope", parent: "bash(4100)" };

describe("the sender is", () => {
  for (const [what, record, fields] of [
    ["a person's pkill", {}, { sent_by: "pkill(4242)", ...SESSION }],
    [
      "systemd",
      { pid: 1, uid: 0, name: "systemd", loginUid: null, cgroup: "/init.scope", parentPid: null },
      { sent_by: "systemd(1)", uid: 0 },
    ],
    ["a hidden systemd", { ...NOTHING, pid: 1, uid: 0, state: "unreadable" }, { sent_by: "init(1)", uid: 0 }],
    ["a service", IN_A_SERVICE, { sent_by: "pkill(4242)", uid: 1000, unit: "cron.service", parent: "bash(4100)" }],
    ["this process", { pid: 77 }, { sent_by: "itself" }],
    ["a thread of this process", { pid: 77, code: -6 }, { sent_by: "itself" }],
    ["^C", { ...NOTHING, signal: 2, code: 128, pid: 0, uid: 0 }, { sent_by: "kernel (terminal)" }],
    ["a hang-up", { ...NOTHING, signal: 1, code: 128, pid: 0, uid: 0 }, { sent_by: "kernel (terminal)" }],
    ["the kernel", { ...NOTHING, signal: 15, code: 128, pid: 0, uid: 0 }, { sent_by: "kernel" }],
    ["the kernel, for another reason", { ...NOTHING, signal: 29, code: 2, pid: 0 }, { sent_by: "kernel (code 2)" }],
    ["gone", { ...NOTHING, state: "gone" }, { sent_by: "gone(4242)", uid: 1000 }],
    ["hidden by /proc", { ...NOTHING, state: "unreadable" }, { sent_by: "unreadable(4242)", uid: 1000 }],
    ["in an outer namespace", { ...NOTHING, pid: 0, uid: 0 }, { sent_by: "a process outside this container", uid: 0 }],
    ["what sigqueue(3) says", { code: -1 }, { sent_by: UNPROVEN, ...SESSION }],
    ["what sigqueue(3) says, were it us", { code: -1, pid: 77 }, { sent_by: "pkill(77), by its own word", ...SESSION }],
    ["what sigqueue(3) does not say", { ...NOTHING, code: -1, pid: 0 }, { sent_by: "unknown: code -1" }],
    ["a timer", { ...NOTHING, code: -2, pid: 0 }, { sent_by: "unknown: code -2" }],
    [
      "a child of a process that /proc hides",
      { parentName: null },
      { ...SESSION, sent_by: "pkill(4242)", parent: "unreadable(4100)" },
    ],
    [
      "a child of process 1, hidden",
      { parentPid: 1, parentName: null },
      { ...SESSION, sent_by: "pkill(4242)", parent: "init(1)" },
    ],
  ] as const) {
    test(what, () => {
      const said = describeSender({ ...BASE, ...record }, null, 77);
      expect(said).toEqual(fields);
      expect(Object.keys(said)).toEqual(
        ["sent_by", "uid", "loginuid", "session", "unit", "parent"].filter((key) => key in fields),
      );
    });
  }

  test("unknown where nothing could be watched, and why", () => {
    expect(describeSender(null, "no JIT", 77)).toEqual({ sent_by: "unknown: no JIT" });
    expect(describeSender(null, null, 77)).toEqual({ sent_by: "unknown: the signal left no record" });
    expect(describeSender(BASE, "SIGHUP has no handler", 77).sent_by).toBe("pkill(4242)");
  });
});

describe("a name cannot pass for", () => {
  for (const [what, name, shown] of [
    ["process 1", "systemd(1)", "systemd_1_(4242)"],
    ["process 1, in other brackets", "systemd（1）", "systemd_1_(4242)"],
    ["another field", 'x sent_by=root"\n', "x_sent_by_root__(4242)"],
    ["the kernel", "kernel", "kernel(4242)"],
    ["the kernel's terminal", "kernel (termina", "kernel__termina(4242)"],
    ["this process", "itself", "itself(4242)"],
    ["a process that is gone", "gone", "gone_(4242)"],
    ["a process that cannot be read", "unreadable", "unreadable_(4242)"],
    ["no name", "", "_(4242)"],
    ["nothing a terminal would obey", "\x1b[2J\u202e", "__2J_(4242)"],
    ["anything, if it is plain", "tmux:a/b@c+d-e.f", "tmux:a/b@c+d-e.f(4242)"],
  ] as const) {
    test(what, () => {
      expect(describeSender({ ...BASE, name, parentName: name }, null, 77)).toEqual({
        ...{ sent_by: shown, uid: 1000, loginuid: 1000, session: "session-3.scope" },
        parent: shown.replace("4242", "4100"),
      });
    });
  }
});
