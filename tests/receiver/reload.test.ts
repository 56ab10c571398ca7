// Every setting of the receiver: what a reload changes is seen by who asks over real HTTP, and everything else waits for a restart
// and is named.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseReceiverConfig } from "../../lib/receiver/config.ts";
import { startReceiver } from "../../lib/receiver/daemon.ts";
import { FIXED_SETTINGS, type ReceiverConfig } from "../../lib/receiver/settings.ts";
import { makeDataDirs } from "../../lib/receiver/store/open-store.ts";
import { LiveSettings } from "../../lib/runtime/config/settings.ts";
import { createProgress } from "../../lib/runtime/progress.ts";
import { expectAllSettings } from "../support/reloadable.ts";
import { heartbeat, send } from "./heartbeats/support.ts";
import { cleanUp, keptLog, onCleanUp, sha256, tempDir } from "./support.ts";

afterEach(cleanUp);

const ASKED = { bytes: 3000, sha256: sha256("x"), tree_sha256: null, code_commit: "abc123" };
/** More than any disk has. */
const ALL = 2 ** 60;

/** A receiver as its daemon is, without systemd around it. */
async function daemon() {
  const root = tempDir();
  const toml = `listen = "127.0.0.1:0"\n[paths]\ndata_root = "${root}/data"\nrun_dir = "${root}/run"\n`;
  const { config } = parseReceiverConfig(
    `${toml}[auth]\nrequire_token = false\n[limits]\ndisk_reserve = "1 MiB"\n`,
    "f",
  );
  mkdirSync(config.runDir);
  await makeDataDirs(config.dataRoot);
  let file = config;
  const settings = new LiveSettings(config, FIXED_SETTINGS, async () => file);
  const log = keptLog();
  const fail = (error: unknown): void => log.error(String(error));
  const context = { log, progress: createProgress(() => performance.now()), status: () => undefined, fail };
  const running = await startReceiver(settings, null, context);
  onCleanUp(async () => {
    for (const { run } of running.drain) await run();
  });
  const url = `http://${readFileSync(join(config.runDir, "listen"), "utf8").trim()}`;
  const reload = (change: Partial<ReceiverConfig>) => {
    file = { ...file, ...change };
    return running.reload?.();
  };
  /** Why an episode would be refused now; null: it would be taken. */
  const refusal = async (asked: object = ASKED): Promise<string | null> => {
    const answer = await fetch(`${url}/v1/judge/lab1/ep1`, { method: "POST", body: JSON.stringify(asked), proxy: "" });
    return (Object(await answer.json()) as { reason?: string }).reason ?? null;
  };
  return { url, reload, refusal, log };
}

const ready = async (url: string): Promise<number> => (await fetch(`${url}/readyz`, { proxy: "" })).status;

const PROOFS: Partial<Record<keyof ReceiverConfig, () => Promise<void>>> = {
  async requireCommit() {
    const { reload, refusal } = await daemon();
    const unstamped = { ...ASKED, code_commit: null };
    expect(await refusal(unstamped)).toBeNull();
    await reload({ requireCommit: true });
    expect(await refusal(unstamped)).toBe("missing-commit");
  },
  async commitHeaders() {
    const { url, reload } = await daemon();
    await reload({ requireCommit: true });
    const put = async (): Promise<unknown> => {
      const headers = { "X-Other": "abc123", "Repr-Digest": "sha-256=:x:" };
      const answer = await fetch(`${url}/v1/episodes/lab1/ep1.tar.zst`, {
        method: "PUT",
        body: "x",
        headers,
        proxy: "",
      });
      return (Object(await answer.json()) as { reason?: string }).reason;
    };
    expect(await put()).toBe("missing-commit");
    await reload({ commitHeaders: ["X-Other"] });
    expect(await put()).toBe("malformed-digest");
  },
  async maxEpisodeBytes() {
    const { reload, refusal } = await daemon();
    expect(await refusal()).toBeNull();
    await reload({ maxEpisodeBytes: 2999 });
    expect(await refusal()).toBe("too-large");
  },
  async diskReserveBytes() {
    const { url, reload, refusal } = await daemon();
    const beat = async (sequence: number) => (await send(url, heartbeat({ host_id: "lab1", sequence }))).status;
    expect([await refusal(), await beat(1), await ready(url)]).toEqual([null, 200, 200]);
    await reload({ diskReserveBytes: ALL });
    // An answer of the readiness is as good for a second.
    await Bun.sleep(1100);
    expect([await refusal(), await beat(2), await ready(url)]).toEqual(["disk-full", 507, 503]);
  },
  async uploadsTotal() {
    const { reload, refusal } = await daemon();
    expect(await refusal()).toBeNull();
    await reload({ uploadsTotal: 0 });
    expect(await refusal()).toBe("too-many-uploads");
  },
  async uploadsPerHost() {
    const { reload, refusal } = await daemon();
    expect(await refusal()).toBeNull();
    await reload({ uploadsPerHost: 0 });
    expect(await refusal()).toBe("too-many-uploads");
  },
  async releasesDir() {
    const { url, reload } = await daemon();
    const script = async (): Promise<number> => (await fetch(`${url}/install.sh`, { proxy: "" })).status;
    const shelf = tempDir();
    mkdirSync(join(shelf, "1.0.0-1"));
    writeFileSync(join(shelf, "1.0.0-1/install.sh"), "#!/bin/sh\n");
    symlinkSync("1.0.0-1", join(shelf, "current"));
    expect(await script()).toBe(404);
    await reload({ releasesDir: shelf });
    expect(await script()).toBe(200);
  },
  async historyBytes() {
    const { url, reload, log } = await daemon();
    const isFull = (): boolean => log.lines.some((line) => line.includes("no more heartbeats of"));
    await send(url, heartbeat({ host_id: "lab1", sequence: 1 }));
    expect(isFull()).toBe(false);
    await reload({ historyBytes: 1 });
    await send(url, heartbeat({ host_id: "lab1", sequence: 2, uptime_s: 2000 }));
    expect(isFull()).toBe(true);
  },
};

test("no setting is in neither list", () => {
  expectAllSettings(parseReceiverConfig("", "f").config, FIXED_SETTINGS, Object.keys(PROOFS));
});

test.each(Object.entries(PROOFS))("a reload changes %s for who asks then", (_, prove) => prove?.());
