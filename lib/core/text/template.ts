// Fills `@NAME@` places in a text. Pure; a place without a value and a value without a place are both mistakes.

/**
 * @throws RangeError naming what is left over on either side
 */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const text = template.replace(/@([A-Z][A-Z0-9_]*)@/g, (place, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`Cannot fill the template: no value for ${place}`);
    unused.delete(name);
    return value;
  });
  if (unused.size > 0) throw new RangeError(`Cannot fill the template: no place for ${[...unused].join(", ")}`);
  return text;
}
