// A value of a table under a name that somebody else has chosen: a host may be called `constructor`. Pure.

/** Undefined: the table has none of that name itself. */
export function ownValue<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
