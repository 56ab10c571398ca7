// Is the manager's stop time-out big enough? The decision, from literals to a sentence and a command.

import { describe, expect, test } from "bun:test";
import { stopBudget } from "../../lib/core/stop-budget.ts";
import { type AlignmentFacts, judgeAlignment } from "../../lib/runtime/alignment.ts";
import { inText } from "../support/in-text.ts";

const UNIT = "labfleet-shipper.service";
const FILE = `/etc/systemd/system/${UNIT}`;
const OURS = "0123456789abcdef0123456789abcdef";
const BUDGET = stopBudget(30); // 70 s with its headroom

const GOOD = {
  LoadState: "loaded",
  TimeoutStopUSec: "1min 30s",
  NeedDaemonReload: "no",
  InvocationID: OURS,
  MainPID: "4242",
  FragmentPath: FILE,
  DropInPaths: "",
};

const FACTS: AlignmentFacts = {
  place: { path: `/system.slice/${UNIT}`, unit: UNIT, scope: "system" },
  invocationId: OURS,
  pid: 4242,
  properties: GOOD,
  budget: BUDGET,
};

const USER_PLACE = { path: `/user.slice/…/${UNIT}`, unit: UNIT, scope: "user" } as const;

describe("a stop time-out that is long enough is fine:", () => {
  for (const [granted, shown] of [
    ["1min 10s", "1min 10s"],
    ["1min 30s", "1min 30s"],
    ["infinity", "infinity"],
    ["584541y", "584541y"],
  ] as const) {
    test(granted, () => {
      expect(judgeAlignment({ ...FACTS, properties: { ...GOOD, TimeoutStopUSec: granted } })).toEqual({
        level: "ok",
        message: `TimeoutStopSec of ${UNIT} (${FILE}) is ${shown}; a clean stop needs at most 1min 10s of it`,
        fix: null,
      });
    });
  }

  test("also while a daemon-reload is due, which is mentioned", () => {
    const { level, message } = judgeAlignment({ ...FACTS, properties: { ...GOOD, NeedDaemonReload: "yes" } });
    expect(level).toBe("ok");
    expect(message).toEndWith(
      "a clean stop needs at most 1min 10s of it, but its files have changed since systemd read them",
    );
  });

  test("for a drain of fractions too, where sums of decimals are not exact", () => {
    const budget = stopBudget(0.23);
    expect(budget.timeoutStopS).toBeGreaterThan(40.23);
    expect(judgeAlignment({ ...FACTS, budget, properties: { ...GOOD, TimeoutStopUSec: "40.230000s" } }).level).toBe(
      "ok",
    );
    expect(judgeAlignment({ ...FACTS, budget, properties: { ...GOOD, TimeoutStopUSec: "40.229999s" } }).level).toBe(
      "warn",
    );
  });
});

describe("a stop time-out that is too short is one sentence and one command", () => {
  const directory = `/etc/systemd/system/${UNIT}.d`;

  test("for the system's manager", () => {
    const judged = judgeAlignment({ ...FACTS, properties: { ...GOOD, TimeoutStopUSec: "45s" } });
    expect({ ...judged, fix: inText(judged.fix) }).toEqual({
      level: "warn",
      message:
        "TimeoutStopSec of labfleet-shipper.service (/etc/systemd/system/labfleet-shipper.service) is 45s, " +
        "less than the 1min 10s that a clean stop needs: systemd may kill it half-way",
      fix:
        `sudo mkdir -p ${directory} && printf '[Service]\\nTimeoutStopSec=70\\n' | ` +
        `sudo tee ${directory}/zz-labfleet-stop.conf && sudo systemctl daemon-reload`,
    });
  });

  test("for a user's manager", () => {
    const { message, fix } = judgeAlignment({
      ...FACTS,
      place: USER_PLACE,
      budget: stopBudget(59.01),
      properties: { ...GOOD, TimeoutStopUSec: "1min 39.009999s", FragmentPath: "" },
    });
    expect(message).toBe(
      "TimeoutStopSec of the user's labfleet-shipper.service is 1min 39.009999s, " +
        "less than the 1min 39.010000s that a clean stop needs: systemd may kill it half-way",
    );
    expect(inText(fix)).toBe(
      `mkdir -p ~/.config/systemd/user/${UNIT}.d && printf '[Service]\\nTimeoutStopSec=100\\n' | ` +
        `tee ~/.config/systemd/user/${UNIT}.d/zz-labfleet-stop.conf && systemctl --user daemon-reload`,
    );
  });

  for (const [scope, fix] of [
    ["system", "sudo systemctl daemon-reload"],
    ["user", "systemctl --user daemon-reload"],
  ] as const) {
    test(`the reload alone for the ${scope} manager, while one is due`, () => {
      const judged = judgeAlignment({
        ...FACTS,
        place: { ...USER_PLACE, scope },
        properties: { ...GOOD, TimeoutStopUSec: "0", NeedDaemonReload: "yes" },
      });
      expect([judged.level, inText(judged.fix)]).toEqual(["warn", fix]);
      expect(judged.message).toEndWith("; its files have changed since systemd read them, and may be right by now");
    });
  }

  for (const [dropIns, name] of [
    ["/etc/systemd/system/x.d/override.conf /run/systemd/system/x.d/zy.conf", "zz-labfleet-stop.conf"],
    ["/etc/systemd/system/x.d/zz-labfleet-stop.conf", "zz-labfleet-stop.conf"],
    ["/etc/systemd/system/x.d/zzz.conf /etc/systemd/system/x.d/a.conf", "zzzz-labfleet-stop.conf"],
    ["/run/systemd/system/x.d/zz.conf", "zzz-labfleet-stop.conf"],
    ["/etc/systemd/system/x.d/zzz-labfleet-stop.conf", "zzz-labfleet-stop.conf"],
  ] as const) {
    test(`that comes after ${dropIns}`, () => {
      const properties = { ...GOOD, TimeoutStopUSec: "1s", DropInPaths: dropIns };
      expect(inText(judgeAlignment({ ...FACTS, properties }).fix)).toContain(` | sudo tee ${directory}/${name} && `);
    });
  }
});

describe("it cannot be told, and nobody is warned, when", () => {
  const short = { ...GOOD, TimeoutStopUSec: "1s" };
  for (const [what, facts, why] of [
    ["systemd did not start us", { invocationId: null }, "INVOCATION_ID is not set, so systemd did not start us"],
    ["the invocation is empty", { invocationId: "" }, "INVOCATION_ID is not set, so systemd did not start us"],
    ["there is no cgroup v2", { place: null }, "/proc/self/cgroup has no line for cgroup v2"],
    [
      "no unit owns our cgroup",
      { place: { path: "/x\ny", unit: null, scope: null } },
      "our cgroup /x\\u000ay belongs to no unit",
    ],
    [
      "we run in a login session",
      { place: { path: "/", unit: "session-3.scope", scope: "system" } },
      "session-3.scope, to which we belong, is no service",
    ],
    [
      "the unit's name is none that systemd gives",
      { place: { path: "/", unit: "$(reboot).service", scope: "system" } },
      "$(reboot).service, to which we belong, is no service",
    ],
    ["the manager gave no answer", { properties: "systemctl was ended by SIGSEGV" }, "systemctl was ended by SIGSEGV"],
    [
      "the manager describes a unit that it does not have",
      { properties: { ...short, LoadState: "not-found" } },
      `the system manager says "not-found" about ${UNIT}`,
    ],
    ["the answer is empty", { properties: {} }, `the system manager says nothing about ${UNIT}`],
    [
      "the manager knows another run of it",
      { properties: { ...short, InvocationID: "feed" } },
      `the system manager knows another run of ${UNIT} than ours`,
    ],
    [
      "we were started from a terminal that is a service",
      { place: USER_PLACE, properties: { ...short, MainPID: "17" } },
      `the main process of ${UNIT} is "17" and not we, 4242`,
    ],
    [
      "the value is no time span",
      { properties: { ...short, TimeoutStopUSec: "soon" } },
      `TimeoutStopUSec of ${UNIT} is "soon", which is no time span`,
    ],
  ] satisfies [string, Partial<AlignmentFacts>, string][]) {
    test(what, () => {
      expect(judgeAlignment({ ...FACTS, properties: short, ...facts })).toEqual({
        level: "info",
        message: `cannot tell whether systemd leaves a stop enough time: ${why}`,
        fix: null,
      });
    });
  }
});
