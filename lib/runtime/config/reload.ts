// What of a new configuration can hold at once, and what has to wait for a restart.

/** Settings that are fixed for a run, by their key in the settings, with the name that the configuration file gives them. */
export type FixedSettings<T> = Readonly<Partial<Record<keyof T, string>>>;

/**
 * Takes over what is new in `fresh`, except for what is fixed. `current` is changed in place: whoever holds it sees it.
 * @returns names of the fixed settings that differ, as the configuration file calls them
 */
export function takeOver<T extends object>(current: T, fresh: T, fixed: FixedSettings<T>): string[] {
  const waiting: string[] = [];
  for (const key of Object.keys(fresh) as (keyof T)[]) {
    const name = fixed[key];
    if (name === undefined) current[key] = fresh[key];
    else if (JSON.stringify(current[key]) !== JSON.stringify(fresh[key])) waiting.push(name);
  }
  return waiting;
}
