// A fresh install by README's two settings: nothing on the host names the code that recorded, and nothing on the collector
// could compare it. Such an episode is stored.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseReceiverConfig } from "../../lib/receiver/config.ts";
import { rulesOf } from "../../lib/receiver/settings.ts";
import { PROJECT } from "../support/compiled.ts";
import { Fleet } from "../support/fleet.ts";

setDefaultTimeout(180_000);

test("README's collector requires no commit", () => {
  const block =
    /```toml\n(# collector\.toml\n.*?)```/s.exec(readFileSync(join(PROJECT, "README.md"), "utf8"))?.[1] ?? "";
  expect(block).toContain("listen");
  expect(rulesOf(parseReceiverConfig(block, "collector.toml").config).commitRequired).toBe(false);
});

test("an episode without a stamp is stored: 201, and its attempt row shows that it has none", async () => {
  expect(existsSync("/opt/labfleet/VERSION")).toBe(false);
  await using fleet = new Fleet({ gate: "" });
  const receiver = await fleet.startReceiver();
  fleet.writeHostConfig(receiver.url);
  fleet.episode("ep1", { "data.bin": "0123456789" });
  const { code, stderr } = fleet.shipOnce();
  expect(code, stderr).toBe(0);
  expect([fleet.list("shipped"), fleet.list("quarantine"), fleet.stored()]).toEqual([["ep1"], [], ["ep1.tar.zst"]]);
  expect(fleet.rows()).toMatchObject([{ episode_id: "ep1", code_commit: null }]);
  receiver.process.kill("SIGTERM");
  expect(await receiver.ended()).toBe(0);
  expect(fleet.attempts()).toMatchObject([{ episode_id: "ep1", status: 201, reason: "stored", code_commit: null }]);
});
