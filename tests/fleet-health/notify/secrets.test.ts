// What an answer may hold of what was sent, and what is shown of it.

import { expect, test } from "bun:test";
import { secretsOf, withoutSecrets } from "../../../lib/fleet-health/notify/delivery/secrets.ts";

test.each([
  ["authorization: Bearer S3CRET, you", ["S3CRET"], "authorization: Bearer …, you"],
  ["AUTH AGh1YgBTM0NSRVQ= failed", ["\0hub\0S3CRET"], "AUTH … failed"],
  ["AUTH AGh1YgBTM0NSRVQ failed", ["\0hub\0S3CRET"], "AUTH … failed"],
  ['{"token":"a\\"b/c"}', ['a"b/c'], '{"token":"…"}'],
  ["?key=a%20b%2Fc&x", ["a b/c"], "?key=…&x"],
  // One that is within another.
  ["/ping/1234-5678 or 1234-5678", ["1234-5678", "/ping/1234-5678"], "… or …"],
  ["nothing", [], "nothing"],
  ["nothing", [""], "nothing"],
])("%s", (text, secrets, shown) => {
  expect(withoutSecrets(text, secrets)).toBe(shown);
});

test("a text that was cut within one ends before it", () => {
  expect(withoutSecrets("authorization: Bearer S3CRE", ["S3CRET"])).toBe("authorization: Bearer …");
  expect(withoutSecrets("authorization: Bearer S3CR", ["S3CRET"])).toBe("authorization: Bearer …");
  expect(withoutSecrets("authorization: Bearer S3C", ["S3CRET"])).toBe("authorization: Bearer S3C");
});

test("of a request its token, its password, and where it goes", () => {
  const secrets = secretsOf(new URL("https://hub:open%20sesame@x.example/services/T0/Xyz12345?token=abcd&v=1"), {
    authorization: "Bearer S3CRET",
  });
  const shown = (text: string): string => withoutSecrets(text, secrets);
  expect(shown("POST /services/T0/Xyz12345?token=abcd&v=1 HTTP/1.1")).toBe("POST … HTTP/1.1");
  expect(shown("no such hook: Xyz12345; token abcd is unknown")).toBe("no such hook: …; token … is unknown");
  expect(shown(`Basic ${btoa("hub:open sesame")}; open sesame; open%20sesame; S3CRET`)).toBe("Basic …; …; …; …");
  // Who has no password is the secret; the root is none, and neither is the host.
  expect(withoutSecrets("sk_live is unknown at /", secretsOf(new URL("https://sk_live@x/"), {}))).toBe(
    "… is unknown at /",
  );
});
