// Codes that were sent a second time, with another token: two machines have them, and the host that was enrolled with one may be the wrong one.

import { join } from "node:path";
import { CODE_FILE, CODE_FILE_BYTES, type Code, parseCode } from "../../contract/enrolment-code.ts";
import { namesIn, readRegularFile } from "../../os/files/files.ts";
import { type Doubt, pathOf, whyNotRead } from "../not-read.ts";

/** By the host that was enrolled with it. */
export type UsedTwice = ReadonlyMap<string, NonNullable<Code["again"]>>;

/** Null: that cannot be told, and why is added to the doubts. A collector that has enrolled nobody has none. */
export async function readUsedTwice(dir: string, doubts: Doubt[]): Promise<UsedTwice | null> {
  const twice = new Map<string, NonNullable<Code["again"]>>();
  try {
    for (const name of (await namesIn(dir)).filter((one) => CODE_FILE.test(one))) {
      const code = parseCode((await readRegularFile(join(dir, name), CODE_FILE_BYTES)) ?? "");
      if (code?.used != null && code.again !== undefined) twice.set(code.used.host, code.again);
    }
    return twice;
  } catch (error) {
    doubts.push({ ...whyNotRead(pathOf(error) ?? dir, error, `${join(dir, "/")} cannot be read`), about: dir });
    return null;
  }
}
