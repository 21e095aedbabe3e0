// A table for people: columns as wide as what is in them, and what gives way on a narrow terminal.

export interface Column {
  readonly head: string;
  readonly align?: "right";
  /** Where there is no room, the column with the least rank is left out first; one without a rank stays. */
  readonly rank?: number;
}

export interface Row {
  readonly cells: readonly string[];
  /** What is said of it, a line each, in a last column. */
  readonly notes: readonly string[];
}

export const GAP = "  ";
/** Notes that have to be narrower than this, to stand in a column, are below their row. */
const LEAST_NOTES = 40;

/**
 * The lines of a table, the heads first. Where there is no room for the notes, they are below their row; they are cut
 * between words only, so that a path stays whole.
 *
 * @param notesHead the head of the column of the notes
 * @param width the most characters of a line, as far as that can be had
 */
export function tableLines(
  columns: readonly Column[],
  notesHead: string,
  rows: readonly Row[],
  width: number,
): readonly string[] {
  const widths = columns.map(({ head }, index) =>
    longest([head, ...rows.map(({ cells }) => cells[index] ?? "")]),
  );
  const notesWidth = longest([notesHead, ...rows.flatMap(({ notes }) => notes)]);
  const isBeside = total([...widths, Math.min(notesWidth, LEAST_NOTES)]) <= width;
  const shown = isBeside ? [...columns.keys()] : fitting(columns, widths, width);

  const line = (cells: readonly string[], note = "") => {
    const padded = shown.map((index) => {
      const [cell = "", size = 0] = [cells[index], widths[index]];
      return columns[index]?.align === "right" ? cell.padStart(size) : cell.padEnd(size);
    });
    return [...padded, note].join(GAP).trimEnd();
  };
  const heads = columns.map(({ head }) => head);
  if (isBeside) {
    return [
      line(heads, notesHead),
      ...rows.flatMap(({ cells, notes }) => {
        const [first, ...more] = wrapped(notes, width - total([...widths, 0]));
        return [line(cells, first), ...more.map((note) => line([], note))];
      }),
    ];
  }
  return [
    line(heads),
    ...rows.flatMap(({ cells, notes }) => [
      line(cells),
      ...wrapped(notes, width - GAP.length).map((note) => GAP + note),
    ]),
  ];
}

/** What is too long goes on in lines of its own, two characters further in. */
export function wrapped(notes: readonly string[], width: number): readonly string[] {
  return notes.flatMap((note) =>
    note.length <= width
      ? note
      : Bun.wrapAnsi(note, Math.max(width - GAP.length, 1))
          .split("\n")
          .map((part, index) => (index === 0 ? part : GAP + part)),
  );
}

/** The columns for which there is room, by their indices. */
function fitting(
  columns: readonly Column[],
  widths: readonly number[],
  width: number,
): readonly number[] {
  const shown = [...columns.keys()];
  const giving = shown
    .filter((index) => columns[index]?.rank !== undefined)
    .toSorted((a, b) => (columns[a]?.rank ?? 0) - (columns[b]?.rank ?? 0));
  const isTooWide = () => total(shown.map((index) => widths[index] ?? 0)) > width;
  for (const index of giving) if (isTooWide()) shown.splice(shown.indexOf(index), 1);
  return shown;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
}

/** By a loop, since the arguments of one call are limited. */
function longest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}
