// Which addresses may be, and what a service is asked when a run is over.

import { expect, test } from "bun:test";
import { addressFault, pingAddress, pingFault } from "../../../lib/fleet-health/notify/address.ts";

test.each(["http://x", "HTTPS://x/a?b=c#d", "http://name:pass%20word@[::1]:8080/", "https://hooks.example/T0/B0/100%"])(
  "%s is one",
  (address) => {
    expect(addressFault(address)).toBeNull();
  },
);

test.each([
  ["ftp://x/", "an address that begins with http:// or https://"],
  ["mailto:ops@example.org", "an address that begins with http:// or https://"],
  ["localhost:9000/hook", "an address that begins with http:// or https://"],
  ["http://x:99999/", "a valid address: its host or its port is wrong"],
  ["http://x:0/", "an address with a port from 1 to 65535, or with none"],
  ["http://user:100%@x/", "an address with %25 in place of each % of its name and password"],
])("%s is none", (address, rule) => {
  expect(addressFault(address)).toBe(rule);
});

test("nothing can be added to one with a fragment", () => {
  expect(pingFault("http://x/ping#a")).toBe("an address without # and what is behind it");
  expect(pingFault("http://x/ping#")).not.toBeNull();
  expect(pingFault("ftp://x/")).toBe(addressFault("ftp://x/"));
  expect(pingFault("http://x/ping?a=b")).toBeNull();
});

test.each([
  ["https://hc.example/ping/1234", "https://hc.example/ping/1234/fail"],
  ["https://hc.example/ping/1234//", "https://hc.example/ping/1234/fail"],
  ["https://hc.example", "https://hc.example/fail"],
  ["https://hc.example/ping/1234?rid=7", "https://hc.example/ping/1234/fail?rid=7"],
  [
    "https://up.example/api/push/TOK?status=up&msg=OK&ping=",
    "https://up.example/api/push/TOK?status=down&msg=failed&ping=",
  ],
  ["https://up.example/api/push/TOK?status=up", "https://up.example/api/push/TOK?status=down"],
])("a run that could not do its work: %s becomes %s", (address, failed) => {
  expect(pingAddress(address, false).href).toBe(failed);
  expect(pingAddress(address, true).href).toBe(new URL(address).href);
});
