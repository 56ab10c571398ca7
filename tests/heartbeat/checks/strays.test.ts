// What runs without a cgroup leave behind, found by the mark in its environment.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { nextMark, STRAY_MARK, Strays } from "../../../lib/heartbeat/checks/strays.ts";
import { check, endWithTest, isGone, PATH, text, until } from "./process-support.ts";

const AWAY = "</dev/null >/dev/null 2>&1";

/** Runs a script that prints the number of what it leaves behind, or begins and may not have left its group yet. */
async function begin(script: string) {
  const mark = nextMark();
  let leader = 0;
  const env = { PATH, [STRAY_MARK]: mark };
  // dash has no job control without a terminal.
  const done = await check(["bash", "-c", script], {
    env,
    started: (pid) => {
      leader = pid;
    },
  });
  const pids = text(done.stdout).trim().split(/\s+/).map(Number);
  pids.forEach(endWithTest);
  expect(done).toMatchObject({ kind: "exited", code: 0, survivorsLeft: 0 });
  return { mark, leader, pids, survivorsKilled: done.survivorsKilled };
}

async function leave(script: string) {
  const left = await begin(script);
  expect(left.survivorsKilled).toBe(0);
  return left;
}

const job = async () => {
  let left = await begin(`set -m; sleep 300 ${AWAY} & echo $!`);
  // On a busy machine its shell may end before it has left the group.
  while (left.survivorsKilled > 0) left = await begin(`set -m; sleep 300 ${AWAY} & echo $!`);
  // It has begun.
  await until(() => readFileSync(`/proc/${left.pids[0]}/comm`, "utf8") === "sleep\n");
  return left;
};
const daemon = () =>
  leave(`setsid sleep 300 ${AWAY} & echo $!; until [ "$(ps -o sid= -p $! | tr -d ' ')" = $! ]; do :; done`);

test("a job in the run's session is killed, one with a session of its own is counted; each for its own run", async () => {
  const [one, two, quiet] = [await job(), await daemon(), await leave("echo 0")];
  const strays = new Strays();
  for (const { mark, leader } of [one, two, quiet]) strays.add(mark, leader);
  expect(await strays.end()).toEqual(
    new Map([
      [one.mark, { killed: 1, left: 0 }],
      [two.mark, { killed: 0, left: 1 }],
    ]),
  );
  await until(() => isGone(one.pids[0] ?? 0));
  expect(isGone(two.pids[0] ?? 0)).toBe(false);
  expect(await strays.end()).toEqual(new Map());
});

test("a job that has only just begun is found as well: with its run, while it is in its group, or after it", async () => {
  for (let i = 0; i < 20; i++) {
    const { mark, leader, pids, survivorsKilled } = await begin(`set -m; sleep 300 ${AWAY} & echo $!`);
    // On a busy machine it may still be about to end.
    if (survivorsKilled > 0) await until(() => isGone(pids[0] ?? 0));
    const strays = new Strays();
    strays.add(mark, leader);
    const killed = 1 - survivorsKilled;
    expect(await strays.end()).toEqual(new Map(killed === 0 ? [] : [[mark, { killed, left: 0 }]]));
    await until(() => isGone(pids[0] ?? 0));
  }
});

test("a run of which nobody asked is left alone, and so is the session of a number that went round", async () => {
  const [asked, other] = [await job(), await job()];
  const strays = new Strays();
  strays.add("0.0.0", other.leader);
  strays.add(asked.mark, 2 ** 22 + 1);
  expect(await strays.end()).toEqual(new Map([[asked.mark, { killed: 0, left: 1 }]]));
  expect([isGone(asked.pids[0] ?? 0), isGone(other.pids[0] ?? 0)]).toEqual([false, false]);
});
