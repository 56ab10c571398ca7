// Which plugins take part, while the agent runs already: each is loaded, asked and joins for itself, and one that hangs holds
// up nobody. Order and names do not depend on who is fastest, as long as all are ready in time.

import type { PluginState } from "../../contract/observation.ts";
import { type Finding, findingText } from "../../core/finding.ts";
import { printable } from "../../core/text/printable.ts";
import type { Absent, Plugin, PluginFile, Standing } from "../plugin.ts";
import { closeAll, type InitialiseOptions, initialise } from "./initialise.ts";

export interface RosterOptions extends Omit<InitialiseOptions, "signal"> {
  builtIn: readonly Plugin[];
  /** In the order in which they keep a name that two of them have. */
  files: readonly PluginFile[];
  /** What cannot even be tried. */
  refused: readonly Standing[];
  /** How long a file waits for those before it, which may have the same name, milliseconds; null: for all of them. */
  claimMs: number | null;
  now: () => Date;
}

interface Member {
  /** The name of its file; null where it has none of its own. */
  file: string | null;
  standing: Standing;
  /** Null until it takes part. */
  plugin: Plugin | null;
}

/** Why one that is slow takes no part so far: nobody has to mend it. */
export const NOT_YET = {
  initialise: "its initialise has not ended yet",
  load: "it has not finished loading yet",
} as const;

/** A reason is a line: it goes with each heartbeat, and must not crowd the results out. */
const REASON_CHARACTERS = 500;
/** For closing inactive ones, milliseconds. */
const CLOSE_MS = 1000;

export class Roster {
  readonly #abort = new AbortController();
  readonly #members: Member[] = [];
  /** All that hold something, a thread above all. */
  readonly #open = new Set<Plugin>();
  readonly #owners = new Map<string, string>();
  readonly #sinceText: string;
  readonly #builtIn: Promise<unknown>;
  #begun = false;
  /** Resolves when each of them takes part, or does not. */
  readonly settled: Promise<void>;

  /** Begins with all of them at once. */
  constructor(private readonly options: RosterOptions) {
    this.#sinceText = options.now().toISOString();
    for (const { name } of options.builtIn) this.#owners.set(name, "a built-in plugin");
    const builtIn = options.builtIn.map((plugin) => this.#join(this.#add(plugin.name), plugin));
    const own = this.#enrolAll(options.files);
    for (const standing of options.refused) this.#set(this.#add(standing.name), standing);
    this.#builtIn = Promise.all(builtIn);
    this.settled = Promise.all([...builtIn, ...own]).then(() => undefined);
  }

  /** Those that take part now: built-in ones, then files by name. */
  plugins(): Plugin[] {
    return this.#members.flatMap(({ plugin }) => (plugin === null ? [] : [plugin]));
  }

  /** All of them, in the same order. */
  standings(): Standing[] {
    return this.#members.map(({ standing }) => standing);
  }

  /** The same as a heartbeat says it. */
  states(): PluginState[] {
    return this.standings().map(pluginState);
  }

  /** Those that should take part and do not. */
  absent(): Absent[] {
    return this.standings().flatMap((standing) => {
      const { name, state, reason } = pluginState(standing);
      const pendingSince = standing.pending === true ? this.#sinceText : null;
      return state === "failed" ? [{ name, reason: reason ?? "", pendingSince }] : [];
    });
  }

  /** Plugins of files by their own names, and files that gave none. */
  ownNames(): { own: string[]; brokenFiles: string[] } {
    const named = this.#members.flatMap(({ file, standing: { name } }) => (file === null ? [] : [{ file, name }]));
    return {
      own: named.filter(({ file, name }) => name !== file).map(({ name }) => name),
      brokenFiles: named.filter(({ file, name }) => name === file).map(({ file }) => file),
    };
  }

  /** Waits for the built-in ones, and for the others not longer than `ms`; null: for all. Who may join later is logged. */
  async begin(ms: number | null): Promise<void> {
    const enough = Promise.withResolvers<void>();
    const timer = ms === null ? null : setTimeout(enough.resolve, ms);
    await Promise.race([this.settled, enough.promise]);
    if (timer !== null) clearTimeout(timer);
    await this.#builtIn;
    this.#begun = true;
    for (const { pending, name, why } of this.standings()) {
      if (pending === true) this.options.log.warn(`Plugin ${printable(name)} may join later: ${why?.what}`);
    }
  }

  /** Closes all, each within `deadlineMs`; one that is still loading is ended and never joins. */
  async close(deadlineMs: number): Promise<void> {
    this.#abort.abort();
    const open = [...this.#open];
    this.#open.clear();
    await closeAll(open, deadlineMs, this.options.log);
  }

  /** Files are loaded side by side, and get their names one after the other. */
  #enrolAll(files: readonly PluginFile[]): Promise<void>[] {
    const { claimMs } = this.options;
    const noLonger = Promise.withResolvers<void>();
    const timer = claimMs === null ? null : setTimeout(noLonger.resolve, claimMs);
    let before: Promise<void> = Promise.resolve();
    const works = files.map((file) => {
      const turn = Promise.race([before, noLonger.promise]);
      const done = Promise.withResolvers<void>();
      // Its name counts before the next one's, even if it is the last to be known.
      before = Promise.all([turn, done.promise]).then(() => undefined);
      return this.#enrol(file, this.#add(file.name, file.name), turn, done.resolve);
    });
    void before.then(() => timer !== null && clearTimeout(timer));
    return works;
  }

  /** @param turn when those before it have their names @param named it has its name, or gets none */
  async #enrol(file: PluginFile, member: Member, turn: Promise<void>, named: () => void): Promise<void> {
    const loaded = await file.load(this.#abort.signal);
    if ("why" in loaded) {
      named();
      return this.#failFile(member, file, { what: loaded.why, fix: loaded.fix ?? null });
    }
    this.#open.add(loaded);
    await turn;
    const owner = this.#owners.get(loaded.name);
    if (owner === undefined) this.#owners.set(loaded.name, file.path);
    named();
    if (owner === undefined) return this.#join(member, loaded);
    const what = `${file.path}: the name ${loaded.name} is taken by ${owner}: choose another`;
    this.#failFile(member, file, { what, fix: null });
    await this.#drop(loaded);
  }

  async #join(member: Member, plugin: Plugin): Promise<void> {
    const { name } = plugin;
    this.#open.add(plugin);
    member.standing = notYet(name, NOT_YET.initialise);
    const { signal } = this.#abort;
    const state = signal.aborted ? null : await initialise(plugin, { ...this.options, signal });
    // Closed in the meantime, or before it could begin.
    if (state === null || signal.aborted) return this.#drop(plugin);
    const { reason } = state;
    this.#set(member, {
      name: state.name,
      state: state.state,
      why: reason === null ? null : { what: reason, fix: null },
    });
    if (state.state !== "loaded") return this.#drop(plugin);
    member.plugin = plugin;
    if (this.#begun) this.options.log.info(`Plugin ${name} takes part from now on`);
  }

  async #drop(plugin: Plugin): Promise<void> {
    if (!this.#open.delete(plugin)) return;
    await closeAll([plugin], CLOSE_MS, this.options.log);
  }

  #add(name: string, file: string | null = null): Member {
    const member: Member = { file, standing: notYet(name, NOT_YET.load), plugin: null };
    this.#members.push(member);
    return member;
  }

  #set(member: Member, { name, state, why }: Standing): void {
    const short = why === null ? null : { what: why.what.slice(0, REASON_CHARACTERS), fix: why.fix };
    member.standing = { name, state, why: short };
  }

  #failFile(member: Member, { name }: PluginFile, why: Finding): void {
    if (this.#abort.signal.aborted) return;
    const what = `Plugin ${printable(name)} failed to load: ${printable(why.what)}`;
    this.options.log.error({ what, fix: why.fix });
    this.#set(member, { name, state: "failed", why });
  }
}

function notYet(name: string, why: string): Standing {
  return { name, state: "failed", why: { what: why, fix: null }, pending: true };
}

/** As a heartbeat says it, and `heartbeat plugins --json`. */
function pluginState({ name, state, why }: Standing): PluginState {
  return { name, state, reason: why === null ? null : findingText(why).slice(0, REASON_CHARACTERS) };
}
