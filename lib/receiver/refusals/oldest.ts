// Maps that must not grow without end.

/** Forgets the entries that were set first until there are at most `most`. A map that is not full costs nothing. */
export function forgetOldest<K>(map: Map<K, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
