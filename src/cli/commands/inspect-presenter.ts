// How the result of `tako inspect` looks: a line for each thing that is known, a word before it. What is wrong is told
// by the errors.

import type { Inspected, InspectResult } from "../../commands/inspect/inspect.ts";
import { GAP, wrapped } from "../columns.ts";
import { errorFields } from "../errors.ts";
import { DONE, exitStatus } from "../exit-status.ts";
import type { Presenter } from "../presenter.ts";
import { bytes, count, duration, moment, shortDigest } from "../text.ts";

/** @param width the most characters of a line */
export function inspectPresenter(width: number): Presenter<InspectResult> {
  return {
    text(result) {
      const rows = result.what === "key" ? rowsOfKey(result) : rowsOf(result);
      return linesOf(rows, width).map((line) => ({ on: "stdout", line }));
    },

    json(result) {
      if (result.what === "key") {
        const { isSecret, publicKey } = result;
        return { what: isSecret ? "secret-key" : "public-key", public_key: publicKey.text };
      }
      return fieldsOf(result);
    },

    errors: (result) => (result.what === "key" ? [] : result.errors),

    status(result) {
      if (result.what === "key") return DONE;
      return exitStatus(result.errors.map(({ kind }) => kind));
    },
  };
}

function linesOf(rows: readonly Row[], width: number): readonly string[] {
  const words = Math.max(...rows.map(([word]) => word.length)) + GAP.length;
  return rows.flatMap(([word, text]) =>
    wrapped([text], width - words).map(
      (part, index) => (index === 0 ? word : "").padEnd(words) + part,
    ),
  );
}

type Key = Extract<InspectResult, { what: "key" }>;
type Row = readonly [word: string, text: string];

function rowsOfKey({ isSecret, publicKey }: Key): readonly Row[] {
  if (!isSecret) return [["public key", publicKey.text]];
  return [
    ["secret key", "not shown"],
    ["public key", publicKey.text],
  ];
}

function rowsOf(result: Inspected): readonly Row[] {
  const { source, signer, versions, oldest, newest, sha256, takes, continues, images } = result;
  const words = { unchecked: "not checked: no --public-key is given", nobody: "none of the keys" };
  return [
    ["manifest", source],
    ["signed by", typeof signer === "string" ? words[signer] : signer.text],
    ["versions", versions < 2 ? `${versions}` : `${versions}, from ${oldest?.version.text} on`],
    ...row("newest", newest && `${newest.version.text}, ${bytes(newest.size)}`),
    ["size", `${count(result.bytes, "byte")}, SHA-256 ${shortDigest(sha256)}`],
    ...row("changed", changedOf(result)),
    ...row("images", images && imagesOf(result)),
    ...row("gone", images?.gone.map(({ version }) => version.text).join(" ") || undefined),
    ...row(
      "continues",
      continues && `${continues.old}, with ${count(continues.added, "new version")}`,
    ),
    ...row(
      "takes",
      takes && `Version=${takes.pattern.text} takes ${takes.entry?.version.text ?? "nothing"}`,
    ),
  ];
}

function row(word: string, text: string | undefined): readonly Row[] {
  return text === undefined ? [] : [[word, text]];
}

function changedOf({ changed, age }: Inspected): string | undefined {
  if (changed === undefined) return undefined;
  return age === undefined ? moment(changed) : `${moment(changed)}, ${duration(age)} ago`;
}

function imagesOf({ images, isDeep }: Inspected): string | undefined {
  if (images === undefined) return undefined;
  const { whole, gone, wrong, unasked } = images;
  const all = whole + gone.length + wrong.length + unasked;
  const said = [
    `${whole} of ${all} ${isDeep ? "are whole" : "are there, by their size"}`,
    ...(gone.length === 0 ? [] : [`${gone.length} withdrawn`]),
    ...(wrong.length === 0 ? [] : [`${wrong.length} wrong or missing`]),
    ...(unasked === 0 ? [] : [`${unasked} not looked at, since the origin answers no longer`]),
  ];
  return said.join("; ");
}

function fieldsOf(result: Inspected): object {
  const { what, source, sha256, versions, newest, oldest, signer, changed, age, takes } = result;
  const { images, isDeep, continues, errors } = result;
  return {
    what,
    source,
    sha256,
    size: result.bytes,
    versions,
    oldest: oldest?.version.text,
    newest: newest?.version.text,
    signature: typeof signer === "string" ? signer : "valid",
    signed_by: typeof signer === "string" ? undefined : signer.text,
    changed,
    age,
    images: images && {
      deep: isDeep,
      whole: images.whole,
      gone: images.gone.map(({ version }) => version.text),
      wrong: images.wrong.map(({ entry: { version, digest }, error }) => ({
        version: version.text,
        sha256: digest,
        ...errorFields(error)[0],
      })),
      unasked: images.unasked,
    },
    continues: continues && { old: continues.old, added: continues.added },
    takes: takes && { pattern: takes.pattern.text, version: takes.entry?.version.text ?? null },
    errors: errors.flatMap(errorFields),
  };
}
