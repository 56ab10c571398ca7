// The settings of a run. A reload replaces them as a whole and changes none in place: whoever uses one asks for it at that moment
// and keeps it no longer than what it is used for. What is fixed for a run keeps its value, and is named.

/** What holds now. */
export interface Settings<T> {
  current(): Readonly<T>;
}

/** Settings that are fixed for a run, by their key in the settings, with the name that the configuration file gives them. */
export type FixedSettings<T> = Readonly<Partial<Record<keyof T, string>>>;

/** Settings that nobody reads anew: those of a command. */
export function settingsOf<T extends object>(config: T): Settings<T> {
  const frozen = deepFreeze(config);
  return { current: () => frozen };
}

/** Settings of a daemon. */
export class LiveSettings<T extends object> implements Settings<T> {
  private held: Readonly<T>;
  private waiting: readonly string[] = [];

  constructor(
    first: T,
    private readonly fixed: FixedSettings<T>,
    private readonly readAnew: () => Promise<T>,
  ) {
    this.held = deepFreeze(first);
  }

  current(): Readonly<T> {
    return this.held;
  }

  /** What waits for a restart since the last reload, as the configuration file calls it. */
  get restartFor(): readonly string[] {
    return this.waiting;
  }

  /** Reads the configuration; nothing holds of it yet. @throws UserError when it is bad */
  read(): Promise<T> {
    return this.readAnew();
  }

  /** From now on `fresh` holds, but for what is fixed. @returns names of the fixed settings that differ */
  replace(fresh: T): readonly string[] {
    const kept = (Object.keys(this.fixed) as (keyof T)[]).map((key) => [key, this.held[key]] as const);
    const differing = kept.filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(fresh[key]));
    this.held = deepFreeze({ ...fresh, ...Object.fromEntries(kept) });
    // Two settings may come of one key.
    this.waiting = [...new Set(differing.flatMap(([key]) => this.fixed[key] ?? []))];
    return this.waiting;
  }
}

/** Plain data that nobody changes any more. */
function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
