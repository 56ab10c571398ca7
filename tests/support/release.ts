// A small release: executables that are scripts, with a runtime that they share, signed by a key of its own.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type PublicKey, parsePublicKey } from "../../lib/contract/minisign.ts";
import { formatRelease, piecePath, type Release } from "../../lib/contract/release.ts";
import { newKey, publicText, type SecretKey, signFile } from "../../scripts/release/secret-key.ts";

export const TARGET = "linux-test";
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export const digestOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");

const HEAD = "#!/bin/sh\n";

export interface Making {
  version?: string;
  serial?: number;
  tools?: readonly string[];
  files?: Readonly<Record<string, string>>;
  /** What an executable does behind its answer to `--version`; `answer` in its place. */
  body?: (tool: string) => string;
  key?: SecretKey;
  /** Changes the list before it is signed. */
  edit?: (release: Release) => Release;
}

/** Of a real one it has the form; a runtime of a megabyte. */
export const RUNTIME = `# ${"runtime ".repeat(131_072)}\n`;

export function makeRelease(dir: string, making: Making = {}): { keys: PublicKey[]; release: Release; key: SecretKey } {
  const { version = "1.0.0", serial = 1, tools = ["shipper", "heartbeat"], key = newKey() } = making;
  const pieces: Record<string, Release["pieces"][string]> = {};
  const keep = (text: string): string => {
    const packed = gzipSync(text, { level: 1 });
    const digest = digestOf(text);
    mkdirSync(join(dir, "pieces"), { recursive: true });
    writeFileSync(join(dir, piecePath(digest)), packed);
    pieces[digest] = { bytes: text.length, gzip_bytes: packed.length, gzip_sha256: digestOf(packed) };
    return digest;
  };
  const executables = tools.map((tool) => {
    const says = making.body?.(tool) ?? `echo "${tool} ${version} (commit ${COMMIT}, ${TARGET})"\n`;
    const whole = HEAD + RUNTIME + says;
    return {
      ...{ tool, target: TARGET, bytes: whole.length, sha256: digestOf(whole), glibc: null },
      ...{ head: keep(HEAD), runtime: keep(RUNTIME), tail: keep(says) },
    };
  });
  const files = Object.entries(making.files ?? { "units/x.service": `[Unit]\nDescription=${version}\n` }).map(
    ([path, text]) => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
      return { path, bytes: text.length, sha256: digestOf(text) };
    },
  );
  const made: Release = {
    ...{ format: 1, version, serial, created: "2026-05-01T00:00:00.000Z", expires: "2026-06-01T00:00:00.000Z" },
    ...{ min_serial: 0, commit: COMMIT, executables, files, pieces },
  };
  const release = making.edit?.(made) ?? made;
  const text = formatRelease(release);
  writeFileSync(join(dir, "release.json"), text);
  writeFileSync(join(dir, "release.json.minisig"), signFile(key, Buffer.from(text), `labfleet ${version}`));
  const known = parsePublicKey(publicText(key));
  if (known === null) throw new Error("no key");
  return { keys: [known], release, key };
}
