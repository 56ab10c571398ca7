// How full a filesystem is (statfs(2)), within a deadline: a server that is gone, or a dying disk, may keep whoever asks
// waiting for ever.

import { statfs } from "node:fs/promises";
import { errorCode, errorText } from "../../core/failure.ts";
import { run } from "../../os/process/exec.ts";
import { isRemote, type Mount } from "./mountinfo.ts";

/** Bytes and counts. `availableBytes` is what an unprivileged process may still write. */
export interface Usage {
  totalBytes: number;
  availableBytes: number;
  /** 0: it has no fixed number of inodes. */
  inodes: number;
  freeInodes: number;
}

export type UsageResult = Usage | { failed: string };

/** Asks the local disk from a thread of the pool; another host from a process, so that no thread of ours waits for it. */
export async function readUsage(root: string, mount: Mount, timeoutMs: number): Promise<UsageResult> {
  const path = root === "/" ? mount.mountPoint : root + mount.mountPoint;
  return isRemote(mount) ? askProcess(path, timeoutMs) : askThread(path, timeoutMs);
}

/** Paths whose answer has not come: each of them holds a thread of the pool, and shall not hold a second. */
const waiting = new Set<string>();

async function askThread(path: string, timeoutMs: number): Promise<UsageResult> {
  if (waiting.has(path)) return { failed: "no answer to an earlier question yet" };
  waiting.add(path);
  const late = Promise.withResolvers<UsageResult>();
  const timer = setTimeout(() => late.resolve({ failed: slow(timeoutMs) }), timeoutMs);
  const asked = statfs(path).finally(() => waiting.delete(path));
  const answer = asked.then(
    ({ bsize, blocks, bavail, files, ffree }) => ({
      totalBytes: blocks * bsize,
      availableBytes: bavail * bsize,
      inodes: files,
      freeInodes: ffree,
    }),
    (error: unknown) => ({ failed: errorCode(error) ?? errorText(error) }),
  );
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}

async function askProcess(path: string, timeoutMs: number): Promise<UsageResult> {
  const result = await run(["stat", "--file-system", "--format=%S %b %a %c %d", "--", path], { timeoutMs });
  if (result.kind === "failed") return { failed: /did not end/.test(result.why) ? slow(timeoutMs) : result.why };
  const numbers = result.stdout.trim().split(" ").map(Number);
  const [bsize = 0, blocks = 0, bavail = 0, inodes = 0, freeInodes = 0] = numbers;
  if (result.code !== 0 || numbers.length !== 5 || !numbers.every(Number.isFinite)) {
    return { failed: result.stderr.trim().split("\n")[0] || `stat ended with code ${result.code}` };
  }
  return { totalBytes: blocks * bsize, availableBytes: bavail * bsize, inodes, freeInodes };
}

function slow(timeoutMs: number): string {
  return `no answer within ${timeoutMs / 1000} s`;
}
