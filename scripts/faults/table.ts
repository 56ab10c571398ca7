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
