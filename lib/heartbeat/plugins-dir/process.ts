// What of `process` would change the whole agent, and not the plugin's thread alone: there it is an error, as in Node's own
// worker threads (nodejs.org/api/worker_threads.html, class Worker). Imported in the plugin's thread alone.

/** `process.exit` ends the thread only, and stays. */
const SHARED = ["abort", "chdir", "setuid", "seteuid", "setgid", "setegid", "setgroups", "initgroups"];

/** Takes them away. */
export function guardProcess(): void {
  for (const name of SHARED) replace(name, () => refuse(name));
  const umask = process.umask.bind(process);
  replace("umask", (mask?: unknown) => (mask === undefined ? umask() : refuse("umask")));
}

function refuse(name: string): never {
  throw new Error(`process.${name}() would change the whole agent: a plugin cannot call it`);
}

function replace(name: string, value: unknown): void {
  Object.defineProperty(process, name, { value, configurable: true, writable: true });
}
