// A schema's rule for one value in an operator's words: the whole rule, not only the part that was broken.

import { headerText, type KeyPath } from "./key-path.ts";
import { branchesOf, elementNode, isObject, type SchemaNode, tableNode } from "./nodes.ts";

export interface RuleContext {
  path: KeyPath;
  isSeconds: boolean;
  /** A table such as this one; null: as its header is written. */
  example: string | null;
}

/** "a number of seconds from 1 to 86400"; null for a rule that only its schema can put into words. */
export function ruleText(node: SchemaNode, context: RuleContext): string | null {
  const branches = branchesOf(node);
  if (branches.length > 0 && branches.every((branch) => isObject(branch) && typeof branch.unit === "boolean")) {
    return "true or false";
  }
  const texts = branches.map((branch) => branchText(branch, context));
  return texts.includes(null) || texts.length === 0 ? null : texts.join(" or ");
}

function branchText(node: SchemaNode, context: RuleContext): string | null {
  if (isObject(node) && "predicate" in node) return null;
  const element = elementNode(node);
  if (element !== undefined) return arrayText(node, element, context);
  if (tableNode(node) !== null) return `a table such as ${context.example ?? headerText(context.path)}`;
  switch (domainOf(node)) {
    case "string":
      return isObject(node) && node.minLength !== undefined ? "a string that is not empty" : "a string";
    case "number":
      return numberText(node, context.isSeconds);
    default:
      return null;
  }
}

function arrayText(node: SchemaNode, element: SchemaNode, { path, isSeconds }: RuleContext): string | null {
  const some = isObject(node) && node.minLength !== undefined ? "one or more " : "";
  if (tableNode(element) !== null) return `an array of ${some}tables such as ${headerText([...path, 0])}`;
  const domain = domainOf(element);
  if (domain === "string") return `an array of ${some}strings`;
  return domain === "number" ? `an array of ${some}numbers${isSeconds ? " of seconds" : ""}` : null;
}

function numberText(node: SchemaNode, isSeconds: boolean): string {
  const { divisor, min, max } = isObject(node) ? node : {};
  const what = `${divisor === 1 ? "a whole number" : "a number"}${isSeconds ? " of seconds" : ""}`;
  const low = boundOf(min);
  const high = boundOf(max)?.rule ?? null;
  if (low === null) return high === null ? what : `${what} up to ${high}`;
  if (low.isExclusive) return high === null ? `${what} above ${low.rule}` : `${what} above ${low.rule}, up to ${high}`;
  return high === null ? `${what}, ${low.rule} or more` : `${what} from ${low.rule} to ${high}`;
}

function boundOf(bound: unknown): { rule: number; isExclusive: boolean } | null {
  if (typeof bound === "number") return { rule: bound, isExclusive: false };
  if (!isObject(bound) || typeof bound.rule !== "number") return null;
  return { rule: bound.rule, isExclusive: bound.exclusive === true };
}

function domainOf(node: SchemaNode): unknown {
  return isObject(node) ? node.domain : node;
}
