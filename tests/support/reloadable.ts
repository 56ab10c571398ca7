// Settings that a test reloads by naming what changes, and the list of all that a tool has.

import { expect } from "bun:test";
import { type FixedSettings, LiveSettings } from "../../lib/runtime/config/settings.ts";

export function reloadable<T extends object>(config: T, fixed = {} as FixedSettings<T>) {
  const settings = new LiveSettings(config, fixed, async () => config);
  const reload = (change: Partial<T>): readonly string[] => settings.replace({ ...settings.current(), ...change });
  return { settings, reload };
}

/**
 * Each setting of a tool is proved to take effect at a reload, or is named as waiting for a restart; none is forgotten.
 * @param config a configuration as it is loaded
 * @param proved the settings that a test shows in what uses them
 */
export function expectAllSettings<T extends object>(
  config: T,
  fixed: FixedSettings<T>,
  proved: readonly string[],
): void {
  expect([...Object.keys(fixed), ...proved].sort()).toEqual(Object.keys(config).sort());
  for (const [key, name] of Object.entries(fixed)) {
    const { settings, reload } = reloadable(config, fixed);
    const before = settings.current();
    expect(reload({ [key]: "another" } as Partial<T>), key).toEqual([String(name)]);
    expect(settings.restartFor, key).toEqual([String(name)]);
    expect(settings.current(), key).toEqual(before);
    // What is put back waits for nothing.
    expect(reload({}), key).toEqual([]);
  }
}
