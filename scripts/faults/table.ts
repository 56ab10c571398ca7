// The fault table: what is made, in this order. The document groups the rows by where they are seen.

import { ANSWERS } from "./answers.ts";
import { CERTIFICATES } from "./certificates.ts";
import { COLLECTOR } from "./collector.ts";
import { CONFIGURATION } from "./config.ts";
import { CREDENTIALS } from "./credentials.ts";
import { DISKS } from "./disks.ts";
import { EPISODE } from "./episodes.ts";
import type { Fault } from "./fault.ts";
import { MACHINE } from "./machine.ts";
import { NETWORK } from "./network.ts";

export const FAULTS: readonly Fault[] = [
  ...NETWORK,
  ...ANSWERS,
  ...CREDENTIALS,
  ...CERTIFICATES,
  ...EPISODE,
  ...DISKS,
  ...CONFIGURATION,
  ...MACHINE,
  ...COLLECTOR,
];

/** Those that were made and not walked to their end so far: the document has no row of them yet. */
export const UNWALKED: readonly string[] = [
  "a plugin cannot be loaded",
  "a plugin can be changed by other users",
  "a check is not there",
  "the directory of tokens cannot be read by the receiver",
  "a host is silent",
  "a host has a token and was never heard of",
];
