// Which single changes of a source file a test should notice: a table by kind of syntax, over TypeScript's own syntax tree.
// Nothing is written here; scripts/mutate.ts tries them.

import { join } from "node:path";
import {
  type BinaryExpression,
  type CallExpression,
  type ConditionalExpression,
  type ExpressionStatement,
  type IfStatement,
  type Node,
  type PropertyAccessExpression,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import { isTypeNode } from "typescript/unstable/ast/is";
import { API } from "typescript/unstable/async";

/** One change: the text between two offsets is replaced. */
export interface Mutation {
  file: string;
  line: number;
  from: number;
  to: number;
  before: string;
  after: string;
}

const OPERATORS = new Map(
  Object.entries({
    ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===", "&&": "||", "||": "&&" },
    ...{ "+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+=" },
  }),
);

/** A name that is called may be `toString`. */
const METHODS = new Map(Object.entries({ some: "every", every: "some", min: "max", max: "min" }));

/** What has no value at run time, or only names something. */
const SKIPPED = new Set<SyntaxKind>([
  SyntaxKind.ImportDeclaration,
  SyntaxKind.ExportDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
]);

type Change = { at: Node; after: string };
/** The text of a node. */
type Text = (node: Node) => string;

function ofBinary(node: BinaryExpression, text: Text): Change[] {
  const after = OPERATORS.get(text(node.operatorToken));
  // Text that is put together has no difference.
  const isText = [node.left, node.right].some(({ kind }) => TEXTS.has(kind));
  return after === undefined || (isText && after === "-") ? [] : [{ at: node.operatorToken, after }];
}

const TEXTS = new Set<SyntaxKind>([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateExpression,
]);

function ofIf(node: IfStatement, text: Text): Change[] {
  const last = node.thenStatement.kind === SyntaxKind.Block ? lastOf(node.thenStatement) : node.thenStatement;
  const isGuard = node.elseStatement === undefined && last !== undefined && LEAVING.has(last.kind);
  return [...negated(node, text), ...(isGuard ? [{ at: node, after: ";" }] : [])];
}

/** The condition of an `if` or `while`; one of two parts has changes of its own. */
function negated(node: Node, text: Text): Change[] {
  const { expression } = node as IfStatement;
  return expression.kind === SyntaxKind.BinaryExpression ? [] : [{ at: expression, after: `!(${text(expression)})` }];
}

const LEAVING = new Set<SyntaxKind>([
  SyntaxKind.ReturnStatement,
  SyntaxKind.ContinueStatement,
  SyntaxKind.ThrowStatement,
]);

function lastOf(block: Node): Node | undefined {
  let last: Node | undefined;
  block.forEachChild((child) => {
    last = child;
  });
  return last;
}

/** What a node of this kind may become. */
const CHANGES: Partial<Record<SyntaxKind, (node: Node, text: Text) => Change[]>> = {
  [SyntaxKind.BinaryExpression]: (node, text) => ofBinary(node as BinaryExpression, text),
  [SyntaxKind.IfStatement]: (node, text) => ofIf(node as IfStatement, text),
  [SyntaxKind.WhileStatement]: negated,
  [SyntaxKind.ConditionalExpression]: (node, text) => {
    const { condition, whenTrue, whenFalse } = node as ConditionalExpression;
    return [{ at: node, after: `${text(condition)} ? ${text(whenFalse)} : ${text(whenTrue)}` }];
  },
  [SyntaxKind.NumericLiteral]: (node, text) => [
    { at: node, after: `(${text(node)} + 1)` },
    ...(/^0?$/.test(text(node)) ? [] : [{ at: node, after: `(${text(node)} * 2)` }]),
  ],
  [SyntaxKind.TrueKeyword]: (node) => [{ at: node, after: "false" }],
  [SyntaxKind.FalseKeyword]: (node) => [{ at: node, after: "true" }],
  [SyntaxKind.StringLiteral]: (node, text) => [{ at: node, after: text(node).length > 2 ? '""' : '"x"' }],
  [SyntaxKind.ExpressionStatement]: (node) => {
    const { kind } = (node as ExpressionStatement).expression;
    return REMOVED.has(kind) ? [{ at: node, after: ";" }] : [];
  },
  [SyntaxKind.CallExpression]: (node, text) => {
    const callee = (node as CallExpression).expression;
    if (callee.kind !== SyntaxKind.PropertyAccessExpression) return [];
    const { name } = callee as PropertyAccessExpression;
    const after = METHODS.get(text(name));
    return after === undefined ? [] : [{ at: name, after }];
  },
};

const REMOVED = new Set<SyntaxKind>([SyntaxKind.AwaitExpression, SyntaxKind.CallExpression, SyntaxKind.VoidExpression]);

function mutationsIn(file: string, source: SourceFile): Mutation[] {
  const found: Mutation[] = [];
  const text: Text = (node) => source.text.slice(node.getStart(source), node.end);
  const visit = (node: Node, parent: Node): void => {
    if (SKIPPED.has(node.kind) || isTypeNode(node)) return;
    // The name of a property, not a value: `{ "Content-Type": type }`.
    const isName = (parent as { name?: Node }).name === node;
    for (const { at, after } of isName ? [] : (CHANGES[node.kind]?.(node, text) ?? [])) {
      const from = at.getStart(source);
      const line = source.text.slice(0, from).split("\n").length;
      found.push({ file, line, from, to: at.end, before: text(at), after });
    }
    node.forEachChild((child) => visit(child, node));
  };
  source.forEachChild((child) => visit(child, source));
  return found;
}

/** A tree of ours as TypeScript sees it; `close` ends its process. */
export interface Typed {
  /** All single changes of this file, a path from the root. */
  mutationsOf(file: string): Promise<Mutation[]>;
  /** Whether this file, which was just written, has errors of types. */
  hasErrors(file: string): Promise<boolean>;
  close(): Promise<void>;
}

/** @param root where `tsconfig.json` lies */
export async function openTyped(root: string): Promise<Typed> {
  const api = new API({ cwd: root });
  const programAfter = async (changed: string[]) => {
    const tsconfig = join(root, "tsconfig.json");
    const snapshot = await api.updateSnapshot({ openProjects: [tsconfig], fileChanges: { changed } });
    const program = snapshot.getProject(tsconfig)?.program;
    if (program === undefined) throw new Error(`TypeScript finds no project at ${root}`);
    return program;
  };
  const first = await programAfter([]);
  return {
    mutationsOf: async (file) => {
      const source = await first.getSourceFile(join(root, file));
      if (source === undefined) throw new Error(`${file} is no file of the project`);
      return mutationsIn(file, source);
    },
    hasErrors: async (file) => {
      const path = join(root, file);
      const program = await programAfter([path]);
      const found = [await program.getSyntacticDiagnostics(path), await program.getSemanticDiagnostics(path)];
      return found.flat().length > 0;
    },
    close: () => api.close(),
  };
}
