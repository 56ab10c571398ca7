// One reload at a time, the last one asked for holds, and none during a stop.

import { expect, test } from "bun:test";
import { UserError } from "../../lib/core/failure.ts";
import { createLog } from "../../lib/runtime/log/log.ts";
import { Reloader } from "../../lib/runtime/reloader.ts";
import type { ReceivedSignal } from "../../lib/runtime/signals.ts";

const HUP: ReceivedSignal = { name: "SIGHUP", number: 1, sender: { sent_by: "bash(7)" } };

function reloaderWith() {
  const told: string[] = [];
  const lines: string[] = [];
  const write = (text: string): void => void lines.push(text.trimEnd());
  const log = createLog({ tool: "d", level: "info", sink: "journal", colour: false, write, now: () => new Date(0) });
  const notifier = { reloading: () => told.push("RELOADING"), ready: () => told.push("READY") };
  const reloader = new Reloader("d", notifier as never, log);
  const waits: PromiseWithResolvers<readonly string[]>[] = [];
  const reload = (): Promise<readonly string[]> => {
    const wait = Promise.withResolvers<readonly string[]>();
    waits.push(wait);
    return wait.promise;
  };
  return { reloader, reload, waits, told, lines };
}
/** Lets what is due run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what is asked for while one runs is done once, afterwards", async () => {
  const { reloader, reload, waits, told } = reloaderWith();
  reloader.ready(reload);
  for (let i = 0; i < 60; i++) reloader.request(HUP);
  expect(waits).toHaveLength(1);
  waits[0]?.resolve([]);
  await settle();
  expect(waits).toHaveLength(2);
  waits[1]?.resolve([]);
  await settle();
  expect(waits).toHaveLength(2);
  expect(told).toEqual(["RELOADING", "READY"]);
});

test("what is asked for during the start is done once it is over", async () => {
  const { reloader, reload, waits } = reloaderWith();
  reloader.request(HUP);
  expect(waits).toHaveLength(0);
  reloader.ready(reload);
  expect(waits).toHaveLength(1);
});

test("a stop ends it: systemd is not told that all is well, and nothing is said to hold", async () => {
  const { reloader, reload, waits, told, lines } = reloaderWith();
  reloader.ready(reload);
  reloader.request(HUP);
  reloader.close();
  waits[0]?.resolve([]);
  await settle();
  expect(told).toEqual(["RELOADING"]);
  reloader.request(HUP);
  expect(lines).toEqual([
    "<6>reading the configuration anew signal=SIGHUP sent_by=bash(7)",
    "<6>SIGHUP during the stop: nothing is read any more sent_by=bash(7)",
  ]);
  expect(waits).toHaveLength(1);
});

test("a bad one is told in one line that can be read, with all that is wrong and what mends it", async () => {
  const { reloader, reload, waits, lines, told } = reloaderWith();
  reloader.ready(reload);
  reloader.request(HUP);
  waits[0]?.reject(new UserError("f: host_id is missing\nf:4: receiver.url is missing", "mend f"));
  await settle();
  expect(lines.at(-1)).toEndWith(
    "the new configuration is bad, the old one stays: f: host_id is missing; f:4: receiver.url is missing; fix: mend f",
  );
  expect(told).toEqual(["RELOADING", "READY"]);
});
