// The ways of the arrows: each leaves a room by a wall, goes along a lane of its own, and enters another.
// Between floors of the house that is left of it, to and from the annex in between.

import type { Arrow } from "./floors.ts";
import type { Box } from "./room.ts";
import { text } from "./svg.ts";

const LANE = 22;
const FIRST_LANE = 25;
const PORT = 11;
const CORNER = 8;
const HEAD = 7;

interface End {
  readonly box: Box;
  y: number;
}

interface Way {
  readonly arrow: Arrow;
  readonly from: End;
  readonly to: End;
}

/** The arrows along the left wall of the house, at x = 0. Their width is what they need left of it. */
export function drawStairs(
  boxes: readonly Box[],
  arrows: readonly Arrow[],
): { readonly drawn: string; readonly width: number } {
  const ways = waysOf(boxes, arrows);
  for (const box of boxes) spreadPorts(box, ways);
  const inLanes: { readonly way: Way; readonly lane: number }[] = [];
  // Short ones stay near the wall, long ones go around them.
  for (const way of ways.toSorted((a, b) => span(a) - span(b))) {
    const taken = inLanes.filter((other) => overlaps(other.way, way)).map(({ lane }) => lane);
    inLanes.push({ way, lane: Math.max(-1, ...taken) + 1 });
  }
  const lanes = Math.max(0, ...inLanes.map(({ lane }) => lane + 1));
  // The outer ones lie below.
  const drawn = inLanes.toReversed().map(({ way, lane }) => {
    const x = -FIRST_LANE - lane * LANE;
    const middle = (way.from.y + way.to.y) / 2;
    return drawWay(way, 0, x, 0, { x, y: Math.round(middle) + 4 });
  });
  return { drawn: drawn.join("\n"), width: FIRST_LANE + lanes * LANE };
}

/** The arrows between the right wall of the house and the left wall of the annex. */
export function drawBridge(house: readonly Box[], annex: Box, arrows: readonly Arrow[]): string {
  const ways = waysOf([...house, annex], arrows).filter(
    ({ from, to }) => from.box === annex || to.box === annex,
  );
  const wall = (house[0]?.x ?? 0) + (house[0]?.width ?? 0);
  const lane = Math.round((wall + annex.x) / 2);
  let free = annex.y + 20;
  return ways
    .toSorted((a, b) => middleOf(outer(a, annex).box) - middleOf(outer(b, annex).box))
    .map((way, index) => {
      const [inside, outside] = way.from.box === annex ? [way.from, way.to] : [way.to, way.from];
      outside.y = middleOf(outside.box);
      inside.y = Math.max(free, outside.y);
      free = inside.y + 2 * PORT;
      const [start, end] = way.from === inside ? [annex.x, wall] : [wall, annex.x];
      const x = inside.y === outside.y ? lane : lane + (index % 2 === 0 ? 0 : PORT);
      const y = Math.round((inside.y + outside.y) / 2) + (inside.y === outside.y ? -6 : 4);
      return drawWay(way, start, x, end, { x, y });
    })
    .join("\n");
}

function waysOf(boxes: readonly Box[], arrows: readonly Arrow[]): Way[] {
  const byPath = new Map(boxes.map((box) => [box.room.path, box]));
  return arrows.flatMap((arrow) => {
    const from = byPath.get(arrow.from);
    const to = byPath.get(arrow.to);
    if (from === undefined || to === undefined) return [];
    return [{ arrow, from: { box: from, y: middleOf(from) }, to: { box: to, y: middleOf(to) } }];
  });
}

function outer({ from, to }: Way, annex: Box): End {
  return from.box === annex ? to : from;
}

function middleOf({ y, height }: Box): number {
  return Math.round(y + height / 2);
}

function span({ from, to }: Way): number {
  return Math.abs(from.y - to.y);
}

function overlaps(a: Way, b: Way): boolean {
  const [low, high] = [Math.min(a.from.y, a.to.y), Math.max(a.from.y, a.to.y)];
  return Math.max(b.from.y, b.to.y) > low && Math.min(b.from.y, b.to.y) < high;
}

/** Places the ends at one wall so that what goes up stands over what goes down, and the long way around the short. */
function spreadPorts(box: Box, ways: readonly Way[]): void {
  const ends = ways.flatMap(({ from, to }) => {
    if (from.box === box) return [{ end: from, other: to.box }];
    return to.box === box ? [{ end: to, other: from.box }] : [];
  });
  const upward = ends
    .filter(({ other }) => other.y < box.y)
    .toSorted((a, b) => b.other.y - a.other.y);
  const downward = ends
    .filter(({ other }) => other.y > box.y)
    .toSorted((a, b) => b.other.y - a.other.y);
  const sorted = [...upward, ...downward];
  const step = Math.min(PORT * 2, (box.height - 8) / sorted.length);
  for (const [index, { end }] of sorted.entries())
    end.y = Math.round(middleOf(box) + (index - (sorted.length - 1) / 2) * step);
}

function drawWay(
  { arrow, from, to }: Way,
  start: number,
  lane: number,
  wall: number,
  label: { readonly x: number; readonly y: number },
): string {
  const { count, up } = arrow;
  const weight = Math.min(6, Math.max(up ? 3 : 1, Math.round(Math.sqrt(count) * 0.8)));
  const into = wall > lane ? 1 : -1;
  const end = wall - into * (HEAD + 1);
  const away = lane < start ? -1 : 1;
  const down = Math.sign(to.y - from.y);
  const corner = Math.min(CORNER, Math.abs(to.y - from.y) / 2);
  const path =
    down === 0
      ? `M${start} ${from.y}H${end}`
      : `M${start} ${from.y}H${lane - away * corner}q${away * corner} 0 ${away * corner} ${down * corner}` +
        `V${to.y - down * corner}q0 ${down * corner} ${into * corner} ${down * corner}H${end}`;
  const head = HEAD - 2 + weight / 3;
  return [
    `<g class="${up ? "up" : from.box.hue}">`,
    `<path class="halo" stroke-width="${weight + 4}" d="${path}"/>`,
    `<path class="arrow" stroke-width="${weight}" d="${path}"/>`,
    `<path class="head" d="M${wall - into} ${to.y}L${end - into} ${to.y - head}V${to.y + head}z"/>`,
    text(label.x, label.y, "count mid", String(count)),
    "</g>",
  ].join("\n");
}
