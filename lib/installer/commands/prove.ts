// The proof of an installation: an episode that is recorded here, and the receipt for it. As whoever records would do it: by the
// user to whom that directory belongs, and through the daemons that have just been started.

import { join } from "node:path";
import { type Dirs, dataDirs, MARKER } from "../../contract/places.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { parseShaped } from "../../core/text/shape.ts";
import { exists, readIfExists } from "../../os/files/files.ts";
import { run } from "../../os/process/exec.ts";
import { command } from "../apply/apply.ts";
import { lookAt, readAccounts } from "../facts.ts";
import { USER } from "../wanted.ts";

const WAIT_MS = 60_000;
const LOOK_MS = 200;

/** `refused`: by the collector, with its reason; `late`: nobody knows yet. */
export type Proof = { kind: "arrived" | "refused" | "late"; what: string };

/** The first of its directories that a settled episode is found in. */
type Settled = "shipped" | "quarantine";

/** Records one and waits for what becomes of it. @throws UserError: it could not be recorded */
export async function proveByEpisode(dataRoot: string, nowMs: number, waitMs = WAIT_MS): Promise<Proof> {
  const id = `install-test-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "")}`;
  const dirs = dataDirs(dataRoot);
  // Where the Python fleet's place was taken that is somebody else's directory.
  const found = await lookAt(dirs.episodes, await readAccounts());
  const recorder = "owner" in found ? found.owner : USER;
  await command(["runuser", "-u", recorder, "--", "sh", "-ec", RECORD, "sh", join(dirs.episodes, id)]);
  const settled = await settledIn(dirs, id, waitMs);
  if (settled === null) return { kind: "late", what: `the test episode ${id} has not arrived yet` };
  const document = settled === "shipped" ? "receipt.json" : "rejection.json";
  const note = parse(await readIfExists(join(dirs[settled], id, document)));
  return settled === "shipped"
    ? { kind: "arrived", what: `the test episode ${id} has arrived${receiptText(note)}` }
    : { kind: "refused", what: `the collector refuses the test episode ${id}: ${String(note.reason ?? "see there")}` };
}

/** Its marker comes last, by rename: until then nobody takes it for finished. */
const RECORD = `umask 022; mkdir "$1"; cd "$1"; date >installed.txt; sha256sum installed.txt >.m; sync -f .; mv .m ${MARKER}`;

async function settledIn(dirs: Dirs, id: string, waitMs: number): Promise<Settled | null> {
  const end = performance.now() + waitMs;
  for (;;) {
    for (const place of ["shipped", "quarantine"] as const) if (await exists(join(dirs[place], id))) return place;
    if (performance.now() >= end) return null;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

type Note = Readonly<Record<string, unknown>>;

function parse(text: string | null): Note {
  return parseShaped(text ?? "", (value): value is Note => typeof value === "object" && value !== null) ?? {};
}

/** What a receipt says, in words. Pure. */
export function receiptText({ status, bytes, sha256, received_at_wall, receiver_id }: Note): string {
  if (typeof bytes !== "number" || typeof sha256 !== "string") return "";
  const at = typeof received_at_wall === "string" ? ` at ${received_at_wall}` : "";
  const by = typeof receiver_id === "string" ? ` by ${receiver_id}` : "";
  return `: ${String(status)}${by}${at}, ${formatBytes(bytes)}, sha256 ${sha256}`;
}

/** What the shipper says of itself now, for a person who waits. */
export async function shipperSays(executable: string): Promise<string> {
  const said = await run([executable, "status"], { timeoutMs: 10_000 });
  return said.kind === "exited" ? said.stdout.trimEnd() : said.why;
}
