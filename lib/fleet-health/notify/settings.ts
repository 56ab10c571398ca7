// [[notify]] of collector.toml, once its table is checked: what stands in one channel and does not go together. Pure.

import { isName, NAME_RULE } from "../../contract/names.ts";
import { quoted } from "../../core/text/fields.ts";
import { SYMPTOMS } from "../judge/symptoms.ts";
import { addressFault } from "./address.ts";
import { CHANNEL_TYPES, type Channel, type ChannelType, isZone, parseClock } from "./channel.ts";
import { type MailTable, mailFaults, mailOf, saysMail } from "./mail-settings.ts";

/** A channel as it stands in the configuration. */
export interface ChannelTable extends MailTable {
  name: string;
  type: string;
  url?: string;
  urlFile: string | null;
  tokenFile: string | null;
  command?: readonly string[];
  symptoms?: readonly string[];
  hosts?: readonly string[];
  quiet?: { from: string; to: string; zone: string };
}

/** Symptoms of the collector, which are no host's. */
const OTHERS = ["returned", "collector-gap", "collector-down", "collector-full", "collector-failing", "detector-blind"];

/** What stands in ids, in header fields and in commands. */
const CHANNEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const CHANNEL_NAME_RULE = "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit";

/** Reads them all. @param expand makes a path whole that begins at home @returns the channels, and what is wrong in sentences */
export function readChannels(
  tables: readonly ChannelTable[],
  expand: (path: string) => string,
): { channels: Channel[]; faults: string[] } {
  const faults = tables.flatMap((table, i) => faultsOf(table).map((fault) => `notify ${nameOf(table, i)}: ${fault}`));
  const names = tables.map(({ name }) => name);
  for (const name of new Set(names.filter((one, i) => names.indexOf(one) !== i)))
    faults.push(`two channels of [[notify]] are called ${quoted(name)}: each needs a name of its own`);
  return { channels: faults.length > 0 ? [] : tables.map((table) => channelOf(withPaths(table, expand))), faults };
}

function nameOf({ name }: ChannelTable, index: number): string {
  return name === "" ? `number ${index + 1}` : quoted(name);
}

function faultsOf(table: ChannelTable): string[] {
  const { name, type, symptoms = [], hosts = [], quiet } = table;
  const faults = CHANNEL_NAME.test(name) ? [] : [`name must be ${CHANNEL_NAME_RULE}`];
  if (!CHANNEL_TYPES.some((one) => one === type))
    return [...faults, `type must be one of ${CHANNEL_TYPES.join(", ")}, found ${JSON.stringify(type)}`];
  faults.push(...placeFaults(table), ...pathFaults(table));
  const known = [...SYMPTOMS.map(({ name }) => name), ...OTHERS];
  for (const symptom of symptoms)
    if (!known.includes(symptom))
      faults.push(`there is no symptom ${JSON.stringify(symptom)}: there are ${known.join(", ")}`);
  for (const host of hosts)
    if (!isName(host)) faults.push(`hosts must hold names of hosts (${NAME_RULE}), found ${quoted(host)}`);
  if (type === "alertmanager") faults.push(...stateFaults(table));
  if (quiet !== undefined) faults.push(...quietFaults(quiet));
  return faults;
}

/** What is wrong with where it goes to. */
function placeFaults(table: ChannelTable): string[] {
  const { type, url, urlFile, tokenFile, caBundle, command } = table;
  const faults: string[] = [];
  const isWebbed = type !== "command" && type !== "email";
  if (type === "command" && command?.[0]?.startsWith("/") !== true)
    faults.push('command must be a list whose first is an absolute path, such as ["/usr/local/bin/page"]');
  if (type === "email") faults.push(...mailFaults(table));
  else if (saysMail(table)) faults.push('server, tls, user, password_file, from and to belong to type = "email"');
  if (!isWebbed && (url !== undefined || urlFile !== null))
    faults.push(`${type === "email" ? "mail" : "a command"} has no url`);
  if (type === "email" && tokenFile !== null) faults.push("mail has no token_file: it has user and password_file");
  if (isWebbed && (url === undefined) === (urlFile === null)) faults.push("name either url or url_file");
  const fault = isWebbed && url !== undefined ? addressFault(url) : null;
  if (fault !== null) faults.push(`url must be ${fault}`);
  if (type === "command" && caBundle !== null) faults.push("a command has no ca_bundle");
  if (isWebbed && /^http:/i.test(url ?? "") && caBundle !== null) faults.push("ca_bundle has no use with http://");
  if (type !== "command" && command !== undefined) faults.push(`command belongs to type = "command"`);
  return faults;
}

/** Told once, as they have no end. */
const ONCE = ["returned", "collector-gap"];

/** An Alertmanager is told what stands, again and again, and decides for itself when to tell whom. */
function stateFaults({ symptoms = [], quiet }: ChannelTable): string[] {
  const once = symptoms.filter((symptom) => ONCE.includes(symptom));
  return [
    ...once.map((symptom) => `an Alertmanager hears nothing of ${symptom}: it is told once, and is no state`),
    ...(quiet === undefined ? [] : ["an Alertmanager has no quiet here: it has mute_time_intervals of its own"]),
  ];
}

/** Wherever this is started from they mean one place. A secret may stand where its file should: none is shown. */
function pathFaults({ urlFile, tokenFile, passwordFile, caBundle }: ChannelTable): string[] {
  const paths = { url_file: urlFile, token_file: tokenFile, password_file: passwordFile, ca_bundle: caBundle };
  return Object.entries(paths).flatMap(([key, path]) =>
    path === null || /^(\/|~\/)/.test(path) ? [] : [`${key} must be an absolute path`],
  );
}

function withPaths(table: ChannelTable, expand: (path: string) => string): ChannelTable {
  const whole = (path: string | null): string | null => (path === null ? null : expand(path));
  const { urlFile, tokenFile, passwordFile, caBundle } = table;
  return {
    ...table,
    ...{ urlFile: whole(urlFile), tokenFile: whole(tokenFile) },
    ...{ passwordFile: whole(passwordFile), caBundle: whole(caBundle) },
  };
}

function quietFaults({ from, to, zone }: { from: string; to: string; zone: string }): string[] {
  const clocks = Object.entries({ from, to }).flatMap(([key, clock]) =>
    parseClock(clock) === null
      ? [`quiet.${key} must be a time of day such as "22:00", found ${JSON.stringify(clock)}`]
      : [],
  );
  if (clocks.length === 0 && parseClock(from) === parseClock(to))
    clocks.push(`quiet.from and quiet.to must differ, found ${JSON.stringify(from)} and ${JSON.stringify(to)}`);
  return isZone(zone)
    ? clocks
    : [...clocks, `quiet.zone must be a time zone such as "Europe/Berlin", found ${JSON.stringify(zone)}`];
}

function channelOf(table: ChannelTable): Channel {
  const { name, type, url, urlFile, tokenFile, caBundle, command, symptoms, hosts, quiet } = table;
  return {
    ...{ name, type: type as ChannelType, url: url ?? null, urlFile, tokenFile, command: command ?? [] },
    // Mail has its own.
    ...{
      mail: type === "email" ? mailOf(table) : null,
      caBundle: type === "email" ? null : caBundle,
      symptoms: symptoms ?? null,
      hosts: hosts ?? null,
    },
    quiet:
      quiet === undefined
        ? null
        : { from: parseClock(quiet.from) ?? 0, to: parseClock(quiet.to) ?? 0, zone: quiet.zone },
  };
}
