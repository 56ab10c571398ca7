// A walk through an episode's directory without the turns in between.

import { fingerprintSteps, type Steps, type Tree, treeSteps } from "../../lib/shipper/episode/tree-walk.ts";

export function walkTree(root: string): Tree {
  return toEnd(treeSteps(root));
}

export function fingerprintOf(root: string): string {
  return toEnd(fingerprintSteps(root));
}

function toEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
