// Makes room for archives: says whether there is enough, and if not, has acknowledged episodes removed until there is more than
// enough. What may be removed, and by which proof, is decided in retention/.

import { errorCode } from "../../core/failure.ts";

export interface FreeSpaceDeps {
  /** Bytes that may be written now. */
  free: () => Promise<number>;
  /** Removes what may go, oldest first, until so many bytes are free or nothing is left that may. */
  remove: (bytes: number) => Promise<unknown>;
  /** The reserve that is kept free. */
  reserveBytes: () => number;
}

/**
 * Whether so many bytes are free, or have become so. At the reserve every archive would need room of its own, and each time
 * somebody is asked: so as much again as the reserve is freed at once, and those that come next find it there. One removal at
 * a time: who waited for it looks again first.
 */
export function createFreeSpace({ free, remove, reserveBytes }: FreeSpaceDeps): (bytes: number) => Promise<boolean> {
  let last: Promise<unknown> = Promise.resolve();
  const make = async (bytes: number): Promise<boolean> => {
    try {
      if ((await free()) >= bytes) return true;
      await remove(bytes + reserveBytes());
      return (await free()) >= bytes;
    } catch (error) {
      if (errorCode(error) === null) throw error;
      // A disk that cannot even be asked has no room.
      return false;
    }
  };
  return (bytes) => {
    const mine = last.then(() => make(bytes));
    last = mine.catch(() => undefined);
    return mine;
  };
}
