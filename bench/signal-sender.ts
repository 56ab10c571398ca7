// What knowing the sender of a signal costs, beside bare listeners, each round in a fresh process: installation, memory,
// time per signal. By hand: bun bench/signal-sender.ts [--rounds 15]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { watchSenders } from "../lib/os/process/signal-sender.ts";
import { markdown, median } from "./measure.ts";

const STOP_SIGNALS = [15, 2, 1];
const SIGNALS = 500;

interface Figures {
  installMs: number;
  rssKiB: number;
  ownKiB: number;
  signalUs: number;
}

/** The process that is measured. */
async function measure(isWatched: boolean): Promise<Figures> {
  const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  const began = performance.now();
  for (const name of names) process.on(name, () => watch?.take());
  const watch = isWatched ? watchSenders(STOP_SIGNALS) : null;
  const installMs = performance.now() - began;
  if (watch !== null && watch.failure !== null) throw new Error(watch.failure);
  const status = readFileSync("/proc/self/status", "utf8");
  const kib = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  const us: number[] = [];
  for (let i = 0; i < SIGNALS; i++) {
    const sent = performance.now();
    process.kill(process.pid, "SIGTERM"); // our handler has run when this returns
    us.push((performance.now() - sent) * 1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { installMs, rssKiB: kib("VmRSS"), ownKiB: kib("RssAnon"), signalUs: median(us) };
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "15" } },
  allowPositionals: true,
});
if (positionals[0] !== undefined) {
  console.log(JSON.stringify(await measure(positionals[0] === "watched")));
} else {
  const results: Record<string, Figures[]> = { bare: [], watched: [] };
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [kind, figures] of Object.entries(results)) {
      figures.push(JSON.parse(Bun.spawnSync([process.execPath, import.meta.path, kind]).stdout.toString()));
    }
  }
  const row = ([kind, figures]: [string, Figures[]]): string[] => {
    const middle = (key: keyof Figures): number => median(figures.map((figure) => figure[key]));
    const memory = [middle("rssKiB"), middle("ownKiB")].map((size) => (size / 1024).toFixed(1));
    return [kind, middle("installMs").toFixed(2), ...memory, middle("signalUs").toFixed(0)];
  };
  const head = ["listeners", "installed in ms", "RSS MiB", "of it anonymous MiB", "µs a signal"];
  console.log(markdown(head, Object.entries(results).map(row)));
}
