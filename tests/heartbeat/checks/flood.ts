// Runs checks that flood, one after the other, and prints after each what it dropped and what memory we hold then, in bytes.
import { readFileSync } from "node:fs";
import { runCheckProcess } from "../../../lib/heartbeat/checks/process.ts";

const [bytes = "0", times = "0"] = process.argv.slice(2);
const words = ["head", "-c", bytes, "/dev/zero"];
for (let i = 0; i < Number(times); i++) {
  const { stdout } = await runCheckProcess({ words, timeoutMs: 120_000, graceMs: 100, env: { PATH: "/usr/bin:/bin" } });
  // What is not in use any more is no growth, whenever it happens to be collected.
  Bun.gc(true);
  const held = Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
  console.log(JSON.stringify({ dropped: stdout.dropped, held }));
}
