// The plan as a picture: where each room stands, roofs, ground and legend. The same plan gives the same bytes.

import { HOUSE, type Plan } from "./plan.ts";
import { type Box, drawRoom, LINES_PER_BRICK, roomHeight, roomWidth } from "./room.ts";
import { drawBridge, drawStairs } from "./route.ts";
import { hueOf, page, text } from "./svg.ts";

const MARGIN = 20;
const ROOF = 46;
const BETWEEN_FLOORS = 10;
const HOUSE_COLUMNS = 3;

/** Between the house and the annex. */
const BRIDGE = 72;

/** @param captions a few words for the path of a room, for those that have some */
export function drawHouse(plan: Plan, captions: ReadonlyMap<string, string>): string {
  const width = roomWidth(HOUSE_COLUMNS);
  const top = MARGIN + ROOF;
  let y = top;
  // The left wall of the house is at x = 0.
  const house = plan.house.map((room, index): Box => {
    const height = roomHeight(room, HOUSE_COLUMNS, captions.get(room.path));
    const box = { room, x: 0, y, width, height, columns: HOUSE_COLUMNS, hue: hueOf(index) };
    y += height + BETWEEN_FLOORS;
    return box;
  });
  const ground = y - BETWEEN_FLOORS + 6;
  const stairs = drawStairs(house, plan.arrows);

  const body = [
    drawRoof(`${HOUSE}/`, 0, top, width),
    ...house.map((box) => drawRoom(box, captions.get(box.room.path))),
    stairs.drawn,
  ];
  let right = width;
  if (plan.annex !== undefined) {
    const caption = captions.get(plan.annex.path);
    const room = plan.annex;
    // As narrow as it can be without rising above the house.
    let columns = 1;
    while (columns < HOUSE_COLUMNS && roomHeight(room, columns, caption) > ground - top) columns++;
    const height = roomHeight(room, columns, caption);
    const annex: Box = {
      room,
      x: width + BRIDGE,
      y: ground - 6 - height,
      width: roomWidth(columns),
      height,
      columns,
      hue: hueOf(-1),
    };
    right = annex.x + annex.width;
    body.push(drawRoof("", annex.x, annex.y, annex.width));
    body.push(drawRoom(annex, caption));
    body.push(drawBridge(house, annex, plan.arrows));
  }
  body.push(`<path class="ground" d="M-16 ${ground}H${right + 16}"/>`);
  body.push(drawLegend(-stairs.width, ground + 26));

  const title = `The house: the folders of ${HOUSE}, and what imports what`;
  const description = plan.arrows
    .map(
      ({ from, to, count, up }) => `${from} imports ${to} ${count} times${up ? ", upward" : ""}.`,
    )
    .join(" ");
  const left = MARGIN + stairs.width;
  return page(left, right + MARGIN, ground + 74, title, description, body);
}

function drawRoof(name: string, x: number, y: number, width: number): string {
  const middle = x + width / 2;
  return [
    `<path class="roof" d="M${x - 10} ${y - 4}L${middle} ${y - ROOF + 8}L${x + width + 10} ${y - 4}"/>`,
    text(middle, y - 10, "title mid", name),
  ].join("\n");
}

function drawLegend(x: number, y: number): string {
  const lines = [
    "A floor is a folder, an arrow its imports from a lower floor, with their number.",
    "An arrow that ran upward would be red.",
    `A cell is a file, and each brick in it ${LINES_PER_BRICK} lines, the last one begun.`,
  ];
  return lines.map((line, index) => text(x, y + 17 * index, "dim", line)).join("\n");
}
