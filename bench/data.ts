// Makes the benchmarks' episodes: the same bytes on every machine, from a seed, written in bounded memory.
// By hand: bun bench/data.ts DIR [--quick]
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface DataSet {
  name: string;
  /** Holds one directory for each episode, each finished (`done.marker`). */
  dir: string;
  episodes: number;
  bytes: number;
}

interface Plan {
  name: string;
  episodes: number;
  /** Of each episode: telemetry lines, incompressible frames in files of at most `frameFile`, and small files. */
  telemetry: number;
  frames: number;
  frameFile: number;
  smallFiles: number;
}

const MB = 1_000_000;
const SMALL = 5_000;
const CHUNK = 1 << 20;
const SEED = 20_261_121;

/** 200 episodes of 5 MB, and one of 2 GB; a tenth of that with `quick`. */
export function plans(quick: boolean): Plan[] {
  const backlog = { telemetry: 3 * MB, frames: 1.5 * MB, frameFile: 0.5 * MB, smallFiles: 100 };
  const part = quick ? 0.1 : 1;
  const one = { telemetry: 1200 * part * MB, frames: 790 * part * MB, frameFile: 50 * MB, smallFiles: 2000 * part };
  return [
    { name: quick ? "20 × 5 MB" : "200 × 5 MB", episodes: quick ? 20 : 200, ...backlog },
    { name: quick ? "1 × 200 MB" : "1 × 2 GB", episodes: 1, ...one },
  ];
}

/** Marsaglia's xorshift128: fast, seeded, the same everywhere. */
export class Random {
  private readonly s = new Uint32Array(4);

  constructor(seed: number) {
    let x = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      x = (Math.imul(x ^ (x >>> 16), 0x45d9f3b) + 0x9e3779b9) >>> 0;
      this.s[i] = x | 1;
    }
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 32 bits, as a signed integer. */
  next(): number {
    const s = this.s;
    const last = s[3] ?? 0;
    let t = s[0] ?? 0;
    t ^= t << 11;
    s.copyWithin(0, 1);
    s[3] = last ^ (last >>> 19) ^ t ^ (t >>> 8);
    return (s[3] ?? 0) | 0;
  }

  /** An integer in 0 … n-1. */
  below(n: number): number {
    return (this.next() >>> 0) % n;
  }
}

function noise(random: Random, bytes: number): Buffer {
  const words = new Int32Array(Math.ceil(bytes / 4));
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  return Buffer.from(words.buffer, 0, bytes);
}

const SENSORS = ["imu0", "imu1", "wrist_ft", "gripper", "base_odom"];

/** About `bytes` of JSON lines as a robot logs them: regular keys, slowly wandering figures with noisy last digits. */
function telemetry(random: Random, bytes: number, state: { seq: number; at: number }): Buffer {
  const lines: string[] = [];
  for (let size = 0; size < bytes; ) {
    state.seq++;
    state.at += 1000 + random.below(50);
    const value = (): string => ((state.seq % 1000) / 500 - 1 + random.below(20_000) / 1e6).toFixed(6);
    const head = `{"t_us":${state.at},"seq":${state.seq},"sensor":"${SENSORS[state.seq % SENSORS.length]}",`;
    const line = `${head}"acc":[${value()},${value()},${value()}],"temp":${36 + (state.seq >> 9) / 100},"ok":true}\n`;
    lines.push(line);
    size += line.length;
  }
  return Buffer.from(lines.join("").slice(0, bytes), "latin1");
}

function writeStreaming(path: string, total: number, next: (bytes: number) => Buffer): number {
  const fd = openSync(path, "wx");
  try {
    for (let at = 0; at < total; at += CHUNK) writeSync(fd, next(Math.min(CHUNK, total - at)));
  } finally {
    closeSync(fd);
  }
  return total;
}

function writeEpisode(dir: string, plan: Plan, seed: number): number {
  const random = new Random(seed);
  const state = { seq: 0, at: 1_777_617_473_830_599 };
  mkdirSync(join(dir, "frames"), { recursive: true });
  mkdirSync(join(dir, "small"));
  let bytes = writeStreaming(join(dir, "telemetry.jsonl"), plan.telemetry, (n) => telemetry(random, n, state));
  for (let at = 0, file = 0; at < plan.frames; at += plan.frameFile, file++) {
    const size = Math.min(plan.frameFile, plan.frames - at);
    bytes += writeStreaming(join(dir, "frames", `${file}.bin`), size, (n) => noise(random, n));
  }
  for (let file = 0; file < plan.smallFiles; file++) {
    const content = file % 4 === 0 ? noise(random, SMALL) : telemetry(random, SMALL, state);
    bytes += writeStreaming(join(dir, "small", `${file}.dat`), SMALL, () => content);
  }
  writeFileSync(join(dir, "meta.json"), `${JSON.stringify({ code_commit: "0".repeat(40), seed })}\n`);
  writeFileSync(join(dir, "done.marker"), "");
  return bytes;
}

/** Makes the sets under `root`, or finds them there from an earlier run with the same plan. */
export function makeData(root: string, quick: boolean): DataSet[] {
  return plans(quick).map((plan, index) => {
    const home = join(root, `${quick ? "quick" : "full"}-${index}`);
    const stamp = join(home, "stamp.json");
    const dir = join(home, "episodes");
    const wanted = { plan, seed: SEED, version: 1 };
    const known = existsSync(stamp) ? (JSON.parse(readFileSync(stamp, "utf8")) as { bytes: number }) : undefined;
    if (known && JSON.stringify({ ...known, bytes: undefined }) === JSON.stringify(wanted)) {
      return { name: plan.name, dir, episodes: plan.episodes, bytes: known.bytes };
    }
    rmSync(home, { recursive: true, force: true });
    let bytes = 0;
    for (let n = 0; n < plan.episodes; n++) {
      const id = `ep-${String(n).padStart(4, "0")}`;
      bytes += writeEpisode(join(dir, id), plan, SEED + index * 1_000_003 + n);
    }
    writeFileSync(stamp, JSON.stringify({ ...wanted, bytes }));
    return { name: plan.name, dir, episodes: plan.episodes, bytes };
  });
}

if (import.meta.main) {
  const [root, flag] = process.argv.slice(2);
  if (root === undefined) throw new Error("usage: bun bench/data.ts DIR [--quick]");
  for (const set of makeData(root, flag === "--quick")) console.log(`${set.name}: ${set.bytes} bytes in ${set.dir}`);
}
