// The fault table: what is made, in the order of its rows.

import { CREDENTIALS } from "./credentials.ts";
import { DISKS } from "./disks.ts";
import { EPISODE } from "./episodes.ts";
import type { Fault } from "./fault.ts";
import { MACHINE } from "./machine.ts";
import { NETWORK } from "./network.ts";

export const FAULTS: readonly Fault[] = [...NETWORK, ...CREDENTIALS, ...EPISODE, ...DISKS, ...MACHINE];
