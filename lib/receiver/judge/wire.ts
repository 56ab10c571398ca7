// The body of a judge call as it comes over the wire. Imported when the first one comes, and only so: arktype is heavy.

import { isSha256Hex, isTreeDigest } from "../../contract/digest.ts";
import type { JudgeRequest } from "../../contract/judgement.ts";
import { type } from "../../schema/ark.ts";
import { problems } from "../answering/json-body.ts";
import { type Refusal, refuse } from "../decide.ts";

const sha256 = type("string").narrow((text, ctx) => isSha256Hex(text) || ctx.mustBe("a SHA-256 digest in hex"));
const tree = type("string").narrow(
  (text, ctx) => isTreeDigest(text) || ctx.mustBe("a tree digest, in hex or as v2:<hex>"),
);

const request = type({
  bytes: `0 <= number.integer <= ${Number.MAX_SAFE_INTEGER}`,
  sha256,
  tree_sha256: tree.or("null"),
  code_commit: "string | null",
});

/** Checks the body of a judge call. */
export function checkJudge(value: unknown): { kind: "judge"; request: JudgeRequest } | Refusal {
  const checked = request(value);
  if (checked instanceof type.errors) return refuse("malformed", problems([...checked]));
  return { kind: "judge", request: checked };
}
