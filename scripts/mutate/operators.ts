// The faults that are planted: what each does to a node of the syntax tree. What cannot be told from right code by
// any test is left out: types, and words for people: texts with a blank in them, and what an error holds for its reader.

import {
  type Node,
  NodeFlags,
  type SourceFile,
  SyntaxKind,
  type TryStatement,
} from "typescript/unstable/ast";
import {
  isAwaitExpression,
  isBinaryExpression,
  isBlock,
  isCallExpression,
  isConditionalExpression,
  isDoStatement,
  isExpressionStatement,
  isIdentifier,
  isIfStatement,
  isImportDeclaration,
  isNumericLiteral,
  isObjectLiteralExpression,
  isPrefixUnaryExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isReturnStatement,
  isShorthandPropertyAssignment,
  isSpreadAssignment,
  isStringLiteral,
  isThrowStatement,
  isTryStatement,
  isTypeNode,
  isVariableDeclarationList,
  isWhileStatement,
} from "typescript/unstable/ast/is";

/** A piece of a source file, and what stands there instead. */
export interface Mutant {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What stands in place of an operator. */
const OPERATORS = new Map<SyntaxKind, readonly string[]>([
  [SyntaxKind.EqualsEqualsEqualsToken, ["!=="]],
  [SyntaxKind.ExclamationEqualsEqualsToken, ["==="]],
  [SyntaxKind.LessThanToken, ["<=", ">"]],
  [SyntaxKind.LessThanEqualsToken, ["<", ">="]],
  [SyntaxKind.GreaterThanToken, [">=", "<"]],
  [SyntaxKind.GreaterThanEqualsToken, [">", "<="]],
  [SyntaxKind.AmpersandAmpersandToken, ["||"]],
  [SyntaxKind.BarBarToken, ["&&"]],
  [SyntaxKind.PlusToken, ["-"]],
  [SyntaxKind.MinusToken, ["+"]],
  [SyntaxKind.AsteriskToken, ["/"]],
  [SyntaxKind.SlashToken, ["*"]],
  [SyntaxKind.PlusEqualsToken, ["-="]],
  [SyntaxKind.BarToken, ["&"]],
]);

/** From here on a number is a size or a time, of which one more is no fault; a limit's `<` and `<=` are tried anyway. */
const LARGE = 256;

const EQUALITY = new Set([
  SyntaxKind.EqualsEqualsEqualsToken,
  SyntaxKind.ExclamationEqualsEqualsToken,
]);

/** Of these, one side alone may stand for the whole. */
const EITHER_SIDE = new Set([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.QuestionQuestionToken,
]);

/** A method that can be left out, or that another of the same shape can stand for. */
const METHODS: Readonly<Record<string, string>> = {
  filter: "",
  replace: "",
  replaceAll: "",
  reverse: "",
  slice: "",
  toLowerCase: "",
  toReversed: "",
  toSorted: "",
  trim: "",
  trimEnd: "",
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

/** Properties of errors that nobody sees, but with TAKO_DEBUG; and of arguments, words that only `--help` shows. */
const UNJUDGED = new Set(["cause", "rule", "description", "valueHint"]);

/** What an error is for, which nobody sees either. */
const REQUIREMENT = /^[A-Z]{3}-\d+$/;

/** All mutants of a file, in the order of their places. */
export function mutantsOf(source: SourceFile, file: string): readonly Mutant[] {
  const found: Mutant[] = [];
  const visit = (node: Node): void => {
    if (isImportDeclaration(node) || isTypeNode(node) || isUnjudged(node)) return;
    for (const [place, text] of changes(node, source)) {
      found.push({ file, start: place.getStart(source), end: place.end, text });
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found.toSorted((a, b) => a.start - b.start || a.end - b.end);
}

type Change = readonly [place: Node, text: string];

function changes(node: Node, source: SourceFile): readonly Change[] {
  const text = (of: Node) => of.getText(source);
  if (isIfStatement(node) || isWhileStatement(node) || isDoStatement(node)) {
    return negated(node.expression, text);
  }
  if (isConditionalExpression(node)) return negated(node.condition, text);
  if (isExpressionStatement(node) || isThrowStatement(node)) return [[node, ";"]];
  if (isReturnStatement(node)) return returned(node.expression, text);
  if (isAwaitExpression(node)) return [[node, text(node.expression)]];
  if (isBlock(node)) return node.statements.length > 1 ? [[node, "{}"]] : [];
  if (isTryStatement(node)) return tried(node, text);
  if (isVariableDeclarationList(node)) return unused(node, text);
  if (isBinaryExpression(node)) {
    const { left, operatorToken: operator, right } = node;
    const others = (OPERATORS.get(operator.kind) ?? []).map((other) => [operator, other] as const);
    const sides = EITHER_SIDE.has(operator.kind) ? [left, right] : [];
    return [...others, ...sides.map((side) => [node, `(${text(side)})`] as const)];
  }
  if (isPrefixUnaryExpression(node)) {
    return node.operator === SyntaxKind.ExclamationToken ? [[node, text(node.operand)]] : [];
  }
  if (isCallExpression(node)) return called(node.expression, node, text);
  if (isObjectLiteralExpression(node)) {
    const optional = node.properties
      .filter(
        (property) =>
          isPropertyAssignment(property) ||
          isShorthandPropertyAssignment(property) ||
          isSpreadAssignment(property),
      )
      .filter((property) => !isUnjudged(property));
    // The comma after it stays: `...{}` may stand where nothing else may.
    return optional.map((property) => [property, "...{}"] as const);
  }
  return literal(node, text);
}

function isUnjudged(node: Node): boolean {
  if (!isPropertyAssignment(node) && !isShorthandPropertyAssignment(node)) return false;
  return isIdentifier(node.name) && UNJUDGED.has(node.name.text);
}

/** What another operator, or none, turns round as well is not planted twice. */
function negated(condition: Node, text: (of: Node) => string): readonly Change[] {
  const isTurned =
    condition.kind === SyntaxKind.TrueKeyword ||
    (isBinaryExpression(condition) && EQUALITY.has(condition.operatorToken.kind)) ||
    (isPrefixUnaryExpression(condition) && condition.operator === SyntaxKind.ExclamationToken);
  return isTurned ? [] : [[condition, `!(${text(condition)})`]];
}

function returned(expression: Node | undefined, text: (of: Node) => string): readonly Change[] {
  const isNothing = expression === undefined || text(expression) === "undefined";
  return isNothing ? [] : [[expression, "undefined"]];
}

function tried(node: TryStatement, text: (of: Node) => string): readonly Change[] {
  const { tryBlock, catchClause, finallyBlock } = node;
  const kept = (clause: Node | undefined, word = "") =>
    clause === undefined ? "" : ` ${word} ${text(clause)}`;
  const without = (others: string) => `${others === "" ? "" : "try "}${text(tryBlock)}${others}`;
  return [
    ...(catchClause === undefined ? [] : [[node, without(kept(finallyBlock, "finally"))] as const]),
    ...(finallyBlock === undefined ? [] : [[node, without(kept(catchClause))] as const]),
  ];
}

/** What `using` would have released stays as it is. */
function unused(node: Node, text: (of: Node) => string): readonly Change[] {
  if ((node.flags & NodeFlags.Using) !== NodeFlags.Using) return [];
  return [[node, text(node).replace(/^(await )?using/, "const")]];
}

function called(callee: Node, call: Node, text: (of: Node) => string): readonly Change[] {
  if (!isPropertyAccessExpression(callee)) return [];
  const other = Object.hasOwn(METHODS, callee.name.text) ? METHODS[callee.name.text] : undefined;
  if (other === undefined) return [];
  return other === "" ? [[call, text(callee.expression)]] : [[callee.name, other]];
}

function literal(node: Node, text: (of: Node) => string): readonly Change[] {
  if (node.kind === SyntaxKind.TrueKeyword) return [[node, "false"]];
  if (node.kind === SyntaxKind.FalseKeyword) return [[node, "true"]];
  if (isNumericLiteral(node)) {
    const more = Number(node.text) < LARGE ? "+ 1" : "* 2";
    return [[node, `(${text(node)} ${more})`]];
  }
  const isWords = isStringLiteral(node) && (node.text.includes(" ") || REQUIREMENT.test(node.text));
  return isStringLiteral(node) && node.text !== "" && !isWords ? [[node, '""']] : [];
}
