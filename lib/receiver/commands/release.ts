// `receiver release …`: which releases this collector serves to hosts.

import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { columns } from "../../core/text/columns.ts";
import { print } from "../../os/answer.ts";
import { releaseKeys } from "../../release/keys.ts";
import { openRelease } from "../../release/open.ts";
import { servedName, shelve, shelved, shelvedRelease } from "../../release/shelf.ts";
import { openSource } from "../../release/source.ts";
import type { Call } from "../../runtime/tool.ts";
import { loadReceiverConfig } from "../load.ts";

/** `release add FILE`: proves a release and serves it. */
export async function releaseAdd(call: Call): Promise<number> {
  const [path] = call.line.operands;
  if (path === undefined)
    throw new UserError("release add: name the release", "receiver release add labfleet-0.1.0.tar");
  const { releasesDir } = await loadReceiverConfig(call);
  using source = openSource(path);
  const opened = await openRelease(source, releaseKeys());
  const name = await shelve(opened, source, releasesDir, call.line.options.force === true);
  await print(`${name} is served (signed by ${opened.keyId}, expires ${opened.release.expires})\n`);
  return EXIT.ok;
}

/** `release list`. */
export async function releaseList(call: Call): Promise<number> {
  const { releasesDir } = await loadReceiverConfig(call);
  const current = await servedName(releasesDir);
  const names = await shelved(releasesDir);
  const all = await Promise.all(
    names.map(async (name) => ({ name, release: await shelvedRelease(releasesDir, name) })),
  );
  if (call.line.options.json === true) {
    const shown = all.map(({ name, release }) => ({
      ...{ name, is_served: name === current, version: release?.version ?? null, serial: release?.serial ?? null },
      ...{ commit: release?.commit ?? null, expires: release?.expires ?? null },
    }));
    await print(`${JSON.stringify({ releases: shown })}\n`);
    return EXIT.ok;
  }
  const rows = all.map(({ name, release }) => [
    ...[
      name,
      name === current ? "served" : "",
      release?.expires ?? "?",
      release?.commit.slice(0, 12) ?? "its list cannot be read",
    ],
  ]);
  await print(
    rows.length === 0
      ? "no release is here\n"
      : `${columns([["RELEASE", "", "EXPIRES", "COMMIT"], ...rows]).join("\n")}\n`,
  );
  return EXIT.ok;
}
