// Signatures as Debian's minisign makes them, by literals; and that minisign takes ours.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parsePublicKey, parseSignature } from "../../lib/contract/minisign.ts";
import { checkSigned } from "../../lib/os/signed.ts";
import {
  formatSecretKey,
  isEncrypted,
  newKey,
  parseSecretKey,
  publicText,
  signFile,
} from "../../scripts/release/secret-key.ts";
import { tempDir } from "../support/temp-dir.ts";

/** By minisign 0.11: `-G`, then `-S` of a file with these ten bytes. */
const FILE = Buffer.from("a release\n");
const KEY = "RWTIoSaFW4IQdDMFcAQ7Ct0AMttc/YSwvSTz9U21OMAzVSlf9X4rKv3N";
const KEY_FILE = `untrusted comment: minisign public key 7410825B8526A1C8\n${KEY}\n`;
const SIGNATURE = `untrusted comment: signature from minisign secret key
RUTIoSaFW4IQdFBM0y1NIpnDEw10nZMEDEzn14bIRk0h3kuLHqg32NBK1q7bIP5Ne4y+zSVcTxA2QQ4eArlIfLYZohZ6hI0Qxg0=
trusted comment: labfleet 1.0 serial 7
5lbtYVRJPEPEIxjQos/3v04daRXLz31o/uK49c2csiDcsu5OE+dV+I/rv3YC8hzVHIrjZwlPkF4MOeEaBiV4CA==
`;
/** The same with `-l`: over the file itself. */
const LEGACY = `untrusted comment: signature from minisign secret key
RWTIoSaFW4IQdEBRHr8l5OKRb4+F3ZzO6HTASLVx0IeBGK42AUWBZGeICOFbz/v4tciJzg/WqcFeJnIV20omD/clWwaP8m0v3Qk=
trusted comment: x
s7T2e5Fr2g6JL1SmGogZrhqGwpmIZSWsYnozNhArtYpU9dOi8A1vA9Myr9990sBIdmebTNicvuUGPeUP9E1fBA==
`;
const key = (text: string) => {
  const parsed = parsePublicKey(text);
  if (parsed === null) throw new Error("it is no key");
  return parsed;
};

describe("what minisign has signed", () => {
  test("is known by its key, with what the signer says of it", () => {
    expect(key(KEY_FILE).id).toBe("7410825B8526A1C8");
    expect(key(KEY)).toEqual(key(KEY_FILE));
    expect(checkSigned(FILE, SIGNATURE, [key(publicText(newKey())), key(KEY)])).toEqual({
      ...{ kind: "signed", id: "7410825B8526A1C8", comment: "labfleet 1.0 serial 7" },
    });
  });

  test("is refused with another file, by another key, and with another comment", () => {
    const why = (file: Buffer, signature: string, ...keys: string[]) => {
      const found = checkSigned(file, signature, keys.map(key));
      return found.kind === "refused" ? found.why : found.kind;
    };
    expect(why(Buffer.from("a releasE\n"), SIGNATURE, KEY)).toBe("it is not what 7410825B8526A1C8 has signed");
    expect(why(FILE, SIGNATURE.replace("serial 7", "serial 8"), KEY)).toBe(
      "it is not what 7410825B8526A1C8 has signed",
    );
    expect(why(FILE, SIGNATURE, publicText(newKey()))).toBe(
      "it is signed by 7410825B8526A1C8, a key that is not known here",
    );
    expect(why(FILE, LEGACY, KEY)).toBe("its signature is none of minisign's");
    for (const torn of ["", "x", SIGNATURE.slice(0, -3), SIGNATURE.replace("\ntrusted comment: ", "\n")])
      expect(why(FILE, torn, KEY)).toBe("its signature is none of minisign's");
  });

  test("is refused when any byte of what is signed with is another", () => {
    const { signature, global } = parseSignature(SIGNATURE) ?? {};
    for (const bytes of [signature, global])
      for (let at = 0; at < 64; at++) {
        const text = bytes?.toString("base64") ?? "";
        const flipped = Buffer.from(bytes ?? []);
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        const whole = bytes === signature ? wholeOf(flipped) : flipped.toString("base64");
        const bad = SIGNATURE.replace(bytes === signature ? wholeOf(bytes ?? Buffer.alloc(0)) : text, whole);
        expect(bad).not.toBe(SIGNATURE);
        expect(checkSigned(FILE, bad, [key(KEY)]).kind).toBe("refused");
      }
  });

  /** As it stands in the file: behind the algorithm and the key's id. */
  function wholeOf(bytes: Buffer): string {
    return Buffer.concat([Buffer.from("4544c8a126855b821074", "hex"), bytes]).toString("base64");
  }
});

test("a public key that is torn, or of another kind, is none", () => {
  const bytes = Buffer.from(KEY, "base64");
  const other = Buffer.from(bytes);
  other[1] = 0x44;
  for (const text of ["", KEY.slice(1), `${KEY}AAAA`, bytes.subarray(1).toString("base64"), other.toString("base64")])
    expect(parsePublicKey(text)).toBeNull();
});

describe("a key of ours", () => {
  test("signs what it alone signs, and comes back from its file", () => {
    const secret = newKey();
    const back = parseSecretKey(formatSecretKey(secret, null), "k", null);
    expect(back).toEqual(secret);
    const signature = signFile(back, FILE, "labfleet 1.0");
    expect(checkSigned(FILE, signature, [key(publicText(secret))])).toMatchObject({
      kind: "signed",
      comment: "labfleet 1.0",
    });
  });

  test("is hidden by its password", () => {
    const secret = newKey();
    // A thousandth of what a key of somebody's costs.
    const text = formatSecretKey(secret, "correct horse", { work: 32_768, memory: 1_048_576 });
    expect([isEncrypted(text, "k"), isEncrypted(formatSecretKey(secret, null), "k")]).toEqual([true, false]);
    expect(Buffer.from(text.split("\n")[1] ?? "", "base64").includes(secret.pair.subarray(0, 32))).toBe(false);
    expect(parseSecretKey(text, "k", "correct horse")).toEqual(secret);
    expect(() => parseSecretKey(text, "k", "another")).toThrow("k: the password is another");
  });

  test("that is damaged, or none, is said", () => {
    const text = formatSecretKey(newKey(), null);
    const bytes = Buffer.from(text.split("\n")[1] ?? "", "base64");
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    expect(() => parseSecretKey(bytes.toString("base64"), "k", null)).toThrow("k: the key is damaged");
    const greedy = Buffer.from(
      formatSecretKey(newKey(), "x", { work: 32_768, memory: 1_048_576 }).split("\n")[1] ?? "",
      "base64",
    );
    greedy.writeBigUInt64LE(2n ** 50n, 46);
    expect(() => parseSecretKey(greedy.toString("base64"), "k", "x")).toThrow("k: the key is damaged: it asks for");
    expect(() => parseSecretKey("hello", "k", null)).toThrow("k is no secret key of minisign");
  });

  test.skipIf(Bun.which("minisign") === null)("and its signature are minisign's (needs minisign)", () => {
    const dir = tempDir();
    const at = (name: string): string => join(dir, name);
    const secret = newKey();
    writeFileSync(at("f"), FILE);
    writeFileSync(at("f.minisig"), signFile(secret, FILE, "labfleet 1.0"));
    writeFileSync(at("k.pub"), publicText(secret));
    writeFileSync(at("k.key"), formatSecretKey(secret, null));
    const run = (...args: string[]) => Bun.spawnSync(["minisign", ...args], { stderr: "pipe" });
    const checked = run("-V", "-p", at("k.pub"), "-m", at("f"));
    expect([checked.exitCode, checked.stdout.toString()]).toEqual([
      ...[0, "Signature and comment signature verified\nTrusted comment: labfleet 1.0\n"],
    ]);
    expect(
      run("-S", "-W", "-s", at("k.key"), "-m", at("f"), "-x", at("own.minisig"), "-t", "by minisign").exitCode,
    ).toBe(0);
    const own = readFileSync(at("own.minisig"), "utf8");
    expect(checkSigned(FILE, own, [key(publicText(secret))])).toMatchObject({ kind: "signed", comment: "by minisign" });
  });
});
