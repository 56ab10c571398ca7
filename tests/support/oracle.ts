// Judges a fleet from outside, with GNU tar, zstd and sha256 over plain files, and with nothing of labfleet's own code:
// each acknowledged episode is stored exactly once, its contents are what was recorded, and it has exactly one row.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fleet, HOST } from "./fleet.ts";

/** What was recorded: id -> file -> SHA-256 of its contents, in hex. */
export type Recorded = Map<string, Map<string, string>>;

export function sha256(data: Uint8Array | string): string {
  return new Bun.CryptoHasher("sha256").update(data).digest("hex");
}

function fileSha256(path: string): string {
  return sha256(readFileSync(path));
}

/** Faults of every episode that the host holds for acknowledged: those in shipped/. May be asked at any moment. */
export function acknowledgedFaults(fleet: Fleet, seen: Set<string> = new Set()): string[] {
  const faults: string[] = [];
  const rows = rowsById(fleet);
  for (const id of fleet.list("shipped")) {
    const receiptPath = join(fleet.hostData, "shipped", id, "receipt.json");
    if (seen.has(id) || !existsSync(receiptPath)) continue;
    const receipt: { sha256: string } = JSON.parse(readFileSync(receiptPath, "utf8"));
    const stored = join(fleet.collectorData, "episodes", HOST, `${id}.tar.zst`);
    if (!existsSync(stored)) faults.push(`${id}: acknowledged, but not stored`);
    else if (fileSha256(stored) !== receipt.sha256) faults.push(`${id}: stored with another digest than its receipt's`);
    const own = rows.get(id) ?? [];
    if (own.length !== 1) faults.push(`${id}: ${own.length} rows`);
    else if (own[0] !== receipt.sha256) faults.push(`${id}: the row has another digest than the receipt`);
    seen.add(id);
  }
  return faults;
}

/** Faults of a fleet at rest, when everything recorded should have arrived. */
export function restFaults(fleet: Fleet, recorded: Recorded): string[] {
  const faults = acknowledgedFaults(fleet);
  const expected = [...recorded.keys()].sort();
  const same = (what: string, found: string[], wanted: string[]): void => {
    if (found.join() !== wanted.join()) faults.push(`${what}: found ${found.join(" ")}; expected ${wanted.join(" ")}`);
  };
  same("shipped/", fleet.list("shipped"), expected);
  same(
    "stored archives",
    fleet.stored(),
    expected.map((id) => `${id}.tar.zst`),
  );
  same(
    "rows",
    fleet
      .rows()
      .map((row) => row.episode_id)
      .sort(),
    expected,
  );
  for (const where of ["episodes", "outbox", "quarantine"] as const) same(`${where}/`, fleet.list(where), []);
  same("incoming/", readdirSync(join(fleet.collectorData, "incoming")), []);
  for (const [id, files] of recorded) faults.push(...contentFaults(fleet, id, files));
  return faults;
}

/** Unpacks a stored archive with the system's own tools and compares every file. */
function contentFaults(fleet: Fleet, id: string, files: Map<string, string>): string[] {
  const archive = join(fleet.collectorData, "episodes", HOST, `${id}.tar.zst`);
  if (!existsSync(archive)) return [`${id}: nothing stored`];
  const script =
    'set -e; d=$(mktemp -d); zstd -qdc "$1" | tar -xC "$d"; cd "$d/$2"; find . -type f -exec sha256sum {} +; rm -rf "$d"';
  const done = Bun.spawnSync(["sh", "-c", script, "sh", archive, id]);
  if (done.exitCode !== 0) return [`${id}: cannot be unpacked: ${done.stderr.toString()}`];
  const found = new Map<string, string>();
  for (const line of done.stdout.toString().trim().split("\n"))
    found.set(line.slice(66).replace("./", ""), line.slice(0, 64));
  const faults: string[] = [];
  for (const [name, digest] of files)
    if (found.get(name) !== digest) faults.push(`${id}: ${name} is not what was recorded`);
  if (found.size !== files.size + 1) faults.push(`${id}: ${found.size} files, expected ${files.size} and the marker`);
  return faults;
}

function rowsById(fleet: Fleet): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  const path = join(fleet.collectorData, "index.jsonl");
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  for (const line of text.split("\n")) {
    // A torn last line after a kill is no row; the next start cuts it off.
    const match = /"episode_id":"([^"]+)".*"sha256":"([0-9a-f]{64})".*\}$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined)
      rows.set(match[1], [...(rows.get(match[1]) ?? []), match[2]]);
  }
  return rows;
}
