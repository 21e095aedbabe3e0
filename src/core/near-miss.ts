// "Did you mean": the known word that a mistyped one is closest to.

/** The candidate that differs by case or by at most two edits, fewer than half its letters (CLI-7); `undefined` if none does. */
export function nearest<T extends string>(word: string, candidates: readonly T[]): T | undefined {
  const lower = word.toLowerCase();
  let best: T | undefined;
  let bestDistance = Math.min(2, Math.ceil(word.length / 2) - 1) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance where two neighbours that are swapped are one edit, a row at a time. Words far apart in length are not compared. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Number.POSITIVE_INFINITY;
  // From the first i letters of `a` to the first 0, 1, 2, ... letters of `b`; begins with i = 0.
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  let before: readonly number[] = [];
  let distance = b.length;
  for (let i = 0; i < a.length; i++) {
    distance = i + 1;
    const next = [distance];
    let corner = i;
    for (const [j, above] of row.slice(1).entries()) {
      const substituted = corner + (a[i] === b[j] ? 0 : 1);
      distance = Math.min(substituted, above + 1, distance + 1);
      const isSwapped = a[i] === b[j - 1] && a[i - 1] === b[j];
      // In the first row and column there are no two neighbours yet.
      const swapped = before[j - 1];
      if (isSwapped && swapped !== undefined) distance = Math.min(distance, swapped + 1);
      next.push(distance);
      corner = above;
    }
    before = row;
    row = next;
  }
  return distance;
}
