// What the sources say to people, as templates: each text of several words, with `…` for what is filled in. Help, which
// stands in docs/reference, and words for developers are left out.

import { join, relative, resolve } from "node:path";
import { Glob } from "bun";
import type { Node, SourceFile } from "typescript/unstable/ast";
import {
  isIdentifier,
  isImportDeclaration,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isPropertyAssignment,
  isStringLiteral,
  isTemplateExpression,
  isTypeNode,
} from "typescript/unstable/ast/is";
import { Compiler } from "../mutate/compile.ts";

const repository = join(import.meta.dir, "../..");

/** What is filled in. */
export const BLANK = "…";

/** Of declarations that help is made of. */
const HELP = /^(description|negativeDescription|valueHint|meta|alias|name)$/;

/** The templates of each source file that has some, in their order there, each once. */
export async function templates(): Promise<ReadonlyMap<string, readonly string[]>> {
  const files = new Glob("src/{core,shell,commands,cli}/**/*.ts").scanSync(repository);
  const program = await filesOfProgram();
  await using compiler = new Compiler();
  const found = new Map<string, readonly string[]>();
  for (const path of [...files].filter((path) => program.has(path)).sort()) {
    const texts = textsOf(await compiler.sourceFile(path));
    if (texts.length > 0) found.set(path, texts);
  }
  return found;
}

/** What no command uses yet, nobody is told. */
async function filesOfProgram(): Promise<ReadonlySet<string>> {
  const entrypoints = [join(repository, "src/main.ts")];
  const { metafile } = await Bun.build({ entrypoints, target: "bun", metafile: true });
  const inputs = Object.keys(metafile?.inputs ?? {});
  return new Set(inputs.map((path) => relative(repository, resolve(path))));
}

function textsOf(source: SourceFile): readonly string[] {
  const texts = new Set<string>();
  const visit = (node: Node): void => {
    if (isTypeNode(node) || isImportDeclaration(node) || isForDevelopers(node)) return;
    if (isPropertyAssignment(node) && HELP.test(node.name.getText(source))) return;
    const text = textOf(node);
    if (text !== undefined && isSaid(text)) texts.add(text);
    node.forEachChild(visit);
  };
  source.forEachChild(visit);
  return [...texts];
}

/** Nobody but a developer reads a plain error. */
function isForDevelopers(node: Node): boolean {
  return (
    isNewExpression(node) &&
    isIdentifier(node.expression) &&
    /^(Error|RegExp)$/.test(node.expression.text)
  );
}

function textOf(node: Node): string | undefined {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (!isTemplateExpression(node)) return undefined;
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join(BLANK);
}

/** Of two words at least, and no code. */
function isSaid(text: string): boolean {
  return /[a-z]{2,}[,;:.]? [a-z]{2,}/i.test(text) && !/[\n\0]|=>|^--/.test(text);
}

/** What a template looks like once it is filled in. */
export function patternOf(template: string): RegExp {
  const parts = template.split(BLANK).map((part) => RegExp.escape(part));
  return new RegExp(parts.join(".*"));
}
