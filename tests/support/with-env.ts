// Variables of this process for one test.

/** Sets them, until it is disposed of. */
export function withEnv(env: Readonly<Record<string, string>>): Disposable {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    },
  };
}

/** With and without the variable by which every certificate would be believed: the end of a test's name, and what is set. */
export const CAREFUL: readonly [string, Readonly<Record<string, string>>][] = [
  ["", {}],
  [", whatever NODE_TLS_REJECT_UNAUTHORIZED says", { NODE_TLS_REJECT_UNAUTHORIZED: "0" }],
];
