// Which header may carry a commit: none that has a meaning already.

import { expect, test } from "bun:test";
import { commitHeaderFault } from "../../lib/schema/header-name.ts";

const TAKEN = 'a header that HTTP and labfleet do not use themselves, such as "X-Labfleet-Code-Commit"';

test.each<[string, string | null]>([
  ["X-Labfleet-Code-Commit", null],
  ["x-labfleet-code-commit", null],
  ["X-Cis490-Code-Commit", null],
  ["X-Commit", null],
  ["Commit", null],
  ["a b", "an HTTP header name"],
  ["", "an HTTP header name"],
  ["Content-Length", TAKEN],
  ["content-type", TAKEN],
  ["Authorization", TAKEN],
  ["Host", TAKEN],
  ["Transfer-Encoding", TAKEN],
  ["Repr-Digest", TAKEN],
  ["Connection", TAKEN],
  ["Expect", TAKEN],
  ["TE", TAKEN],
  ["Upgrade", TAKEN],
  ["Date", TAKEN],
  ["Accept", TAKEN],
  ["Proxy-Authorization", TAKEN],
  ["If-None-Match", TAKEN],
  ["X-Forwarded-For", TAKEN],
  ["X-Labfleet-Tree-Digest", TAKEN],
  ["X-Labfleet-Receiver-Id", TAKEN],
  ["X-Labfleet-Machine", TAKEN],
  ["X-Labfleet-Ask", TAKEN],
])("%p: %p", (name, fault) => {
  expect(commitHeaderFault(name)).toBe(fault);
});
