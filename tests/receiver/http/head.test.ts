// Heads of requests: what is read, and what two readers might read in two ways, which is refused.

import { describe, expect, test } from "bun:test";
import { endOfHead, HEAD_LIMITS, isNoRequest, parseHead } from "../../../lib/receiver/http/head.ts";

const parse = (text: string) => parseHead(Buffer.from(text, "latin1"));
const get = (fields: string, line = "GET / HTTP/1.1") => parse(`${line}\r\n${fields}\r\n`);

test("a request line and fields, as they came", () => {
  const head = get("Host: x\r\nX-A:\t b \r\nx-a: c\r\nX-B:\xe9\r\n", "PUT /v1/a%2e?q=1 HTTP/1.1");
  if (typeof head === "string") throw new Error(head);
  expect(head).toMatchObject({ method: "PUT", target: "/v1/a%2e?q=1", length: "unknown", keepAlive: true });
  expect([head.headers.get("x-a"), head.headers.get("X-B"), head.expectsContinue]).toEqual(["b, c", "\xe9", false]);
});

test.each([
  ["\x16\x03\x01", true],
  ["\0", true],
  [" GET", true],
  ["\x80", true],
  ["", false],
  ["g", false],
  ["GET /", false],
  ["M-SEARCH", false],
  ["\r", false],
  ["\n", true],
  ["\r\nG", false],
  ["\r\n\r", true],
  ["\rG", true],
  ["GET / HTTP/1.1\r\nHost: x\r", false],
  ["GET / HTTP/1.1\n", true],
  ["GET / HTTP/1.1\r\nHost: x\n\n", true],
] as const)("that %j begins no request is %p", (begun, isNone) => {
  expect(isNoRequest(Buffer.from(begun, "latin1"))).toBe(isNone);
});

describe("the body's length:", () => {
  test.each([
    ["Content-Length: 5\r\n", 5],
    ["Content-Length: 0\r\n", 0],
    ["", null],
    ["Transfer-Encoding: chunked\r\n", "unknown"],
    ["Transfer-Encoding: gzip\r\n", "unknown"],
  ] as const)("%j is %p", (fields, length) => {
    expect(get(`Host: x\r\n${fields}`)).toMatchObject({ length });
  });
  test.each(["PUT", "POST", "PATCH", "put"])("none of a %s is unknown: what follows may be its body", (method) => {
    expect(get("Host: x\r\n", `${method} / HTTP/1.1`)).toMatchObject({ length: "unknown" });
    expect(get("Host: x\r\nContent-Length: 0\r\n", `${method} / HTTP/1.1`)).toMatchObject({ length: 0 });
  });
});

describe("what the client wants:", () => {
  test.each([
    ["GET / HTTP/1.1", "Expect: 100-Continue\r\n", { expectsContinue: true, keepAlive: true }],
    ["GET / HTTP/1.0", "Expect: 100-continue\r\n", { expectsContinue: false, keepAlive: false }],
    ["GET / HTTP/1.1", "Connection: te, Close\r\n", { keepAlive: false }],
    ["GET / HTTP/1.1", "Connection: closed\r\n", { keepAlive: true }],
    ["GET / HTTP/1.1", "Connection:: close\r\n", { keepAlive: false }],
    ["GET / HTTP/1.0", "Connection: keep-alive\r\n", { keepAlive: false }],
  ])("%s with %j", (line, fields, wanted) => {
    expect(get(`Host: x\r\n${fields}`, line)).toMatchObject(wanted);
  });
  test("HTTP/1.0 needs no Host", () => expect(get("", "GET / HTTP/1.0")).toMatchObject({ target: "/" }));
});

describe("is malformed:", () => {
  test.each([
    ["another version", get("Host: x\r\n", "GET / HTTP/2.0")],
    ["none", get("Host: x\r\n", "GET /")],
    ["two blanks", get("Host: x\r\n", "GET  / HTTP/1.1")],
    ["a blank in the target", get("Host: x\r\n", "GET /a b HTTP/1.1")],
    ["a method that has no Request", get("Host: x\r\n", "CONNECT x:1 HTTP/1.1")],
    ["no Host", get("")],
    ["two Hosts", get("Host: x\r\nHost: y\r\n")],
    ["a folded line", get("Host: x\r\nX-A: b\r\n c\r\n")],
    ["a blank before the colon", get("Host: x\r\nContent-Length : 5\r\n")],
    ["no colon", get("Host: x\r\nrubbish\r\n")],
    ["a bare line feed", get("Host: x\r\nX-A: b\nContent-Length: 5\r\n")],
    ["a bare carriage return", get("Host: x\r\nX-A: b\rc\r\n")],
    ["a NUL", get("Host: x\r\nX-A: b\0c\r\n")],
    ["two lengths", get("Host: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n")],
    ["a length with a sign", get("Host: x\r\nContent-Length: +5\r\n")],
    ["a list of lengths", get("Host: x\r\nContent-Length: 5, 5\r\n")],
    ["an endless length", get(`Host: x\r\nContent-Length: ${"9".repeat(16)}\r\n`)],
    ["a length and chunks", get("Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n")],
  ])("%s", (_, head) => expect(head).toBe("malformed"));
});

test("300 fields and 16 KiB are taken, one more is too large", () => {
  const fields = (count: number) => `Host: x\r\n${"X-A: b\r\n".repeat(count - 1)}`;
  expect(get(fields(HEAD_LIMITS.fields))).toMatchObject({ method: "GET" });
  expect(get(fields(HEAD_LIMITS.fields + 1))).toBe("head-too-large");
  const room = HEAD_LIMITS.bytes - "GET / HTTP/1.1\r\nHost: x\r\nX-A: \r\n\r\n".length;
  expect(get(`Host: x\r\nX-A: ${"b".repeat(room)}\r\n`)).toMatchObject({ method: "GET" });
  expect(get(`Host: x\r\nX-A: ${"b".repeat(room + 1)}\r\n`)).toBe("head-too-large");
});

test("one empty line before a head is passed over, a second one is not", () => {
  expect(parse("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")).toMatchObject({ method: "GET", target: "/" });
  expect(parse("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("malformed");
});

test("the end of a head is found wherever its parts were cut", () => {
  const head = Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\r\n\r\n");
  const end = head.indexOf("body");
  for (let cut = 0; cut <= head.length; cut++) {
    const first = endOfHead(head.subarray(0, cut), 0);
    expect(first).toBe(cut < end ? 0 : end);
    if (first === 0) expect(endOfHead(head, cut)).toBe(end);
  }
});
