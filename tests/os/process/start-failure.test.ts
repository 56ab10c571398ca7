// Why systemd could not start a service, as `systemctl show` tells it.

import { expect, test } from "bun:test";
import { failedExitIn, startFailureIn } from "../../../lib/os/process/start-failure.ts";

const shown = (load: string, active: string, status: string): string =>
  `LoadState=${load}\nActiveState=${active}\nExecMainStatus=${status}\n`;

test.each([
  ["a user that is not there", shown("loaded", "failed", "217"), "217/USER"],
  ["an executable that is not there, tried again and again", shown("loaded", "activating", "203"), "203/EXEC"],
  ["a status without a name here", shown("loaded", "failed", "245"), "245"],
  ["our own exit code", shown("loaded", "failed", "2"), null],
  ["none", shown("loaded", "inactive", "0"), null],
  ["one that was before, and it is at work", shown("loaded", "active", "217"), null],
  ["a service that is not there", shown("not-found", "inactive", "217"), null],
  ["a signal beyond them", shown("loaded", "failed", "255"), null],
  ["nothing", "", null],
])("%s", (_, text, failure) => {
  expect(startFailureIn(text)).toBe(failure);
});

test.each([
  ["a configuration that cannot be used", "loaded", "failed", "1", "2", 2],
  ["a disk that refuses, tried again and again", "loaded", "activating", "1", "3", 3],
  ["a bug", "loaded", "activating", "1", "70", 70],
  ["a clean stop", "loaded", "inactive", "1", "0", null],
  ["a signal of that number", "loaded", "failed", "2", "2", null],
  ["it is at work", "loaded", "active", "1", "3", null],
  ["one that is starting", "loaded", "activating", "0", "0", null],
  ["no such service", "not-found", "inactive", "1", "2", null],
])("our own exit code of %s", (_, load, active, code, status, expected) => {
  expect(failedExitIn(`${shown(load, active, status)}ExecMainCode=${code}\n`)).toBe(expected);
});
