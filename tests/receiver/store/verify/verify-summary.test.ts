// What `receiver verify` says in the end: what was found, and what mends the gravest of it, at the end of the line.

import { expect, test } from "bun:test";
import { emptyReport, type VerifyReport } from "../../../../lib/receiver/store/verify/verify-report.ts";
import { summary } from "../../../../lib/receiver/store/verify/verify-summary.ts";

const SOUND: VerifyReport = { ...emptyReport(), checked: 3, bytes: 15_000 };
const said = (found: Partial<VerifyReport>): string => summary({ ...SOUND, ...found });
const one = [{ path: "episodes/lab1/a.tar.zst", detail: "" }];

const READ = "3 episodes, 14.6 KiB read";
const AGAIN =
  "restore each missing archive from a backup, or, where its lab host still has it in shipped/, have it sent again: " +
  "on the lab host: sudo mv -T /var/lib/labfleet/data/shipped/ID /var/lib/labfleet/data/episodes/ID";
const repair = (options: string): string =>
  `sudo systemctl stop labfleet-receiver && sudo receiver verify ${options}; sudo systemctl start labfleet-receiver`;
const LOOK = "let the receiver's user read what is named above, or look at its disk: sudo dmesg --level=err,warn";
const row = { host_id: "lab1" } as VerifyReport["wrong_tree"][number]["row"];
const wrong = one.map((each) => ({ ...each, row }));

test.each<[Partial<VerifyReport>, string]>([
  [{}, `sound: ${READ}`],
  [{ missing: ["a", "b"] }, `DAMAGED: 2 missing; ${READ}; fix: ${AGAIN}`],
  [{ mismatch: one }, `DAMAGED: 1 damaged; ${READ}; fix: ${repair("--repair")}`],
  [{ extra: ["a"] }, `DAMAGED: 1 not in the index; ${READ}; fix: ${repair("--repair")}`],
  [{ unreadable: one }, `DAMAGED: 1 unreadable; ${READ}; fix: ${LOOK}`],
  [{ unreadable: one, extra: ["a"] }, `DAMAGED: 1 unreadable, 1 not in the index; ${READ}; fix: ${LOOK}`],
  [{ mismatch: one, missing: ["a"] }, `DAMAGED: 1 missing, 1 damaged; ${READ}; fix: ${AGAIN}`],
  [{ mismatch: one, unreadable: one }, `DAMAGED: 1 damaged, 1 unreadable; ${READ}; fix: ${repair("--repair")}`],
  [{ torn: 2 }, `DAMAGED: 2 unreadable index lines; ${READ}; fix: ${repair("--repair")}`],
  [
    { duplicate: ["a"], wrong_tree: wrong },
    `DAMAGED: 1 with more than one row, 1 row claims another tar than is stored; ${READ}; fix: ${repair("--repair")}`,
  ],
  [
    { wrong_tree: wrong },
    `WRONG ROWS: 1 row claims another tar than is stored, no episode is damaged; ${READ}; fix: ${repair("--deep --repair")}`,
  ],
])("of %j", (found, line) => {
  expect(said(found)).toBe(line);
});
