// What an installation shows as its proof.

import { expect, test } from "bun:test";
import { receiptText } from "../../lib/installer/commands/prove.ts";

test("a receipt is shown with who gave it, when, and for what", () => {
  const receipt = { status: "stored", bytes: 1536, sha256: "ab", received_at_wall: "2026-05-01", receiver_id: "9f" };
  expect(receiptText(receipt)).toBe(": stored by 9f at 2026-05-01, 1.5 KiB, sha256 ab");
  // A Python collector gives none.
  expect(receiptText({ status: "duplicate", verified: false })).toBe("");
});
