// The body of an enrolment as it comes over the wire. Imported when the first one comes, and only so: arktype is heavy.

import { isSha256Hex } from "../../contract/digest.ts";
import { type EnrolRequest, isCode } from "../../contract/enrolment.ts";
import { isName, NAME_RULE } from "../../contract/names.ts";
import { type } from "../../schema/ark.ts";
import { problems } from "../answering/json-body.ts";
import { type Refusal, refuse } from "../decide.ts";

const request = type({
  code: type("string").narrow((text, ctx) => isCode(text) || ctx.mustBe("a code")),
  host_id: type("string").narrow((text, ctx) => isName(text) || ctx.mustBe(NAME_RULE)),
  token_sha256: type("string").narrow((text, ctx) => isSha256Hex(text) || ctx.mustBe("a SHA-256 digest in hex")),
  "dry_run?": "boolean",
});

/** Checks the body of an enrolment. What is wrong with a code is said without it. */
export function checkEnrol(value: unknown): { kind: "enrol"; request: EnrolRequest } | Refusal {
  const checked = request(value);
  if (checked instanceof type.errors) {
    const isCodes = [...checked].some(({ path }) => [...path][0] === "code");
    return refuse("malformed", isCodes ? "code must be one that receiver enrol has made" : problems([...checked]));
  }
  return { kind: "enrol", request: { ...checked, dry_run: checked.dry_run ?? false } };
}
