// Whom a host trusts: written once, read back, never replaced because it cannot be read.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { onHost } from "../../../lib/core/finding.ts";
import { acceptedText, pinText } from "../../../lib/shipper/commands/pin.ts";
import type { ShipperConfig } from "../../../lib/shipper/settings.ts";
import { parsePin, pinPath, readPin, writePin } from "../../../lib/shipper/trust/pin.ts";
import { tempDir } from "../../support/temp-dir.ts";

const A = "a".repeat(32);
const B = "b".repeat(32);
const AT = new Date("2026-05-01T00:00:00Z");

describe("a pin", () => {
  test("is read back as it was written, and remembers whom it replaced", async () => {
    const root = tempDir();
    expect(await readPin(root)).toBeNull();
    await writePin(root, A, "receipt", "https://c", AT);
    await writePin(root, A, "operator", "https://c", AT);
    await writePin(root, B, "successor", "https://d", AT);
    expect(await readPin(root)).toEqual({
      receiver_id: B,
      pinned_at: "2026-05-01T00:00:00.000Z",
      source: "successor",
      url: "https://d",
      before: [A],
    });
  });

  test("that cannot be read is an error with its remedy, and stays", async () => {
    for (const spoil of ["", "{", "{}", '{"receiver_id":"x"}']) {
      const root = tempDir();
      writeFileSync(pinPath(root), spoil);
      const error = await readPin(root).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: "UserError",
        exitCode: 3,
        hint: expect.stringContaining("sudo shipper pin --accept ID"),
      });
      expect(readFileSync(pinPath(root), "utf8")).toBe(spoil);
    }
  });

  test("that is a directory is an error, too", async () => {
    const root = tempDir();
    mkdirSync(pinPath(root));
    expect(await readPin(root).catch((error: unknown) => String(error))).toContain("EISDIR");
  });

  test("of another release is read for what it says", () => {
    expect(parsePin(JSON.stringify({ receiver_id: A, more: 1, before: [B, "x"] }))).toEqual({
      receiver_id: A,
      pinned_at: "",
      source: "operator",
      url: "",
      before: [B],
    });
  });
});

test("who cannot be asked is told with the address before the remedy, which ends its line", () => {
  const receiver = { url: "https://collector.wg:8443" } as ShipperConfig["receiver"];
  const trouble = { what: "nobody listens", fix: { text: "start it", commands: [onHost("sudo", "true")] } };
  const told = pinText({ receiver }, null, { receiver_id: null, is_successor: false, trouble });
  expect(told.split("\n")[1]).toBe("answers    nobody listens, at https://collector.wg:8443; fix: start it: sudo true");
});

test("accepting says whom this host trusted before, and what it means now", () => {
  const pin = { receiver_id: A, pinned_at: "", source: "receipt", url: "", before: [] } as const;
  const means = "only that receiver may refuse its episodes from now on; a shipper that runs needs no restart";
  expect(acceptedText(B, { ...pin, before: [] })).toBe(`this host now trusts ${B}, trusted ${A} before: ${means}`);
  expect(acceptedText(B, null)).toBe(`this host now trusts ${B}, trusted nobody before: ${means}`);
  expect(acceptedText(B, "unreadable")).toBe(
    `this host now trusts ${B}, whom it trusted before cannot be read: ${means}`,
  );
  expect(acceptedText(A, { ...pin, before: [] })).toBe(`this host trusts ${A}, as it did before: nothing has changed`);
});
