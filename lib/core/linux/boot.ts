// Which boot is meant. The kernel's boot id alone is not enough: in a container it is the machine's, and stays the same when
// the container boots again. So the start of pid 1 stands beside it. Pure.

/** `<boot id>.<start of pid 1, clock ticks>`, or the boot id alone where pid 1 is hidden. */
export function bootName(kernelId: string, initTicks: number | null): string {
  return initTicks === null ? kernelId : `${kernelId}.${initTicks}`;
}

/** The kernel's part of a name: what journalctl and people know a boot by. */
export function kernelBootId(name: string): string {
  return name.split(".")[0] ?? name;
}

/** Whether two names mean one boot; where one does not know the start of pid 1, the kernel's id decides. */
export function sameBoot(a: string, b: string): boolean {
  const [idA, ticksA] = a.split(".");
  const [idB, ticksB] = b.split(".");
  return idA === idB && (ticksA === undefined || ticksB === undefined || ticksA === ticksB);
}
