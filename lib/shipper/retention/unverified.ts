// What giving up those episodes would free that a receiver took and could not prove. They stay until a person decides, and so may
// be tens of thousands: each is measured once.

import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import type { ShippedList } from "./shipped-list.ts";
import { usageOf } from "./usage.ts";

export class UnverifiedUsage {
  /** Bytes by what tells an episode from another one of its name. */
  private known = new Map<string, number>();

  constructor(
    private readonly dirs: Dirs,
    private readonly list: ShippedList,
  ) {}

  /** Bytes of all that are there now. @param moved called for each directory that is measured */
  async read(moved: () => void): Promise<number> {
    const present = new Map<string, number>();
    for (const { name, fingerprint, isVerified } of await this.list.read(moved)) {
      if (isVerified) continue;
      const key = `${name} ${fingerprint}`;
      present.set(key, this.known.get(key) ?? (await usageOf(join(this.dirs.shipped, name), moved)));
    }
    this.known = present;
    return present.values().reduce((sum, bytes) => sum + bytes, 0);
  }
}
