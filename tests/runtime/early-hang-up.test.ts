// A SIGHUP that comes while a daemon starts does not end it: `systemctl kill --signal HUP`, or a rotation of logs right after a restart.

import { expect, onTestFinished, test } from "bun:test";
import { join } from "node:path";
import { lineReader } from "../support/lines.ts";

const PROGRAM = join(import.meta.dir, "../fixtures/programs/early-hang-up.ts");

function start() {
  const child = Bun.spawn([process.execPath, PROGRAM], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  onTestFinished(() => child.kill("SIGKILL"));
  return { child, next: lineReader(child.stdout) };
}

test("SIGHUP during the start is heard once it can be done, and only once; the next ones as ever", async () => {
  const { child, next } = start();
  expect(await next()).toBe("starting");
  child.kill("SIGHUP");
  child.kill("SIGHUP");
  await child.stdin.end();
  const heard = [await next(), await next()].sort();
  expect(heard).toEqual(["ready", "reload SIGHUP"]);
  child.kill("SIGHUP");
  expect(await next()).toBe("reload SIGHUP");
  child.kill("SIGTERM");
  expect(await next()).toBe("stop SIGTERM");
});

test("nothing is heard that did not come, and SIGTERM during the start ends it as ever", async () => {
  const quiet = start();
  await quiet.next();
  await quiet.child.stdin.end();
  expect(await quiet.next()).toBe("ready");
  quiet.child.kill("SIGTERM");
  expect(await quiet.next()).toBe("stop SIGTERM");
  const { child, next } = start();
  await next();
  child.kill("SIGTERM");
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
});
