// One story, disturbed at each of its calls in turn: the program is killed there, or the call fails.
// Whatever happens, the invariants hold, and the run after it ends as if nothing had been.

import { Unsynced } from "./durability.ts";
import { type Runnable, Scene, type Story } from "./stories.ts";
import {
  type Call,
  hitPoint,
  inject,
  type Point,
  points,
  record,
  run,
  type Traced,
} from "./strace.ts";

/** What the system says, and what Tako must say then (CLI-33). */
export const ERRORS = {
  ENOSPC: "no space is left on the file system",
  EIO: "the device reports a read or write error",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
} as const;

export type Fault = "KILL" | keyof typeof ERRORS;

/** A story as it goes when nothing disturbs it. */
export interface Undisturbed {
  readonly story: Story;
  readonly calls: readonly Call[];
  readonly problems: readonly string[];
}

export interface Try {
  readonly fault: Fault;
  readonly aimed: Point;
  /** Where the fault came in fact; nowhere if the run made fewer calls this time. */
  readonly hit?: Point;
  readonly problems: readonly string[];
}

export async function undisturbed(story: Story, program: Runnable): Promise<Undisturbed> {
  await using scene = new Scene(story, program);
  const { status, calls, stderr } = await record(scene.first());
  const problems = [
    ...(status === (story.status ?? 0) ? [] : [`status ${status}: ${stderr}`]),
    ...new Unsynced(story.kind).follow(calls, status === 0),
    ...(story.status === undefined && story.nextArgs === undefined ? scene.unfinished() : []),
    ...scene.broken(),
  ];
  return { story, calls, problems };
}

/** Where a fault makes a difference: reading is none of it. */
export function pointsFor({ story, calls }: Undisturbed, fault: Fault): readonly Point[] {
  const wanted = calls.filter(
    ({ name, paths, words }) =>
      name !== "execve" &&
      (name !== "openat" || /O_WRONLY|O_RDWR/.test(words)) &&
      (fault === "KILL" || !isDispensable(story, name, paths)),
  );
  const all = points(calls);
  const numbered = calls.filter(({ paths }) => paths.length > 0);
  return (
    all
      .filter((_, index) => wanted.includes(numbered[index]!))
      .filter((point) => fault === "KILL" || !isSecondOpen(point))
      // A body comes in as many writes as the network makes of it: two stand for all.
      .filter(
        ({ name, path, nth }) =>
          !(name === "write" && /\.(partial|part-[a-z0-9-]+)$/.test(path) && nth > 2),
      )
      .filter((point) => story.tried?.(point) ?? true)
  );
}

/**
 * What may fail without any harm: `store` asks whether blocks can be shared, and tidies up after the answer; a host keeps
 * how its look for news ended (DST-114).
 */
function isDispensable({ dispensable }: Story, name: string, [path]: readonly string[]): boolean {
  if (name === dispensable?.name && path === dispensable.path) return true;
  if (path === ".checked.new") return true;
  return name === "flock" || name === "ioctl" || (name === "unlink" && path === "store/.new");
}

/** `store` opens its copy twice, first in order to share blocks, which is dispensable: both fail together. */
function isSecondOpen({ name, path, nth }: Point): boolean {
  return name === "openat" && path === "store/.new" && nth > 1;
}

/**
 * How strace is to count in order to reach a point: for each thread by itself, while the runtime
 * gives calls to any of two threads, or makes them on its main one.
 */
export function countsFor({ calls }: Undisturbed, point: Point, tries: number): readonly number[] {
  const { name, path, nth } = point;
  if (nth === 1) return [1, 1];
  const same = calls.filter((call) => call.name === name && call.paths.includes(path));
  if (new Set(same.map(({ thread }) => thread)).size === 1) return [nth, nth, nth];
  const least = Math.ceil((nth + 1) / 2);
  const more = Math.min(least + 1, nth);
  return Array.from({ length: tries }, (_, index) => [least, more, least, nth][index % 4] ?? nth);
}

/** Disturbs a story once, and judges what came of it. */
export async function disturb(
  reference: Undisturbed,
  program: Runnable,
  fault: Fault,
  aimed: Point,
  count = aimed.nth,
): Promise<Try> {
  const { story } = reference;
  await using scene = new Scene(story, program);
  const both = fault !== "KILL" && aimed.name === "openat" && aimed.path === "store/.new";
  const first = await inject(scene.first(), aimed, fault, both ? "1+" : `${count}`);
  const hit = hitPoint(first, aimed.path);
  const isLost = isRecordLost(story, first);
  const problems = [
    ...scene.broken(),
    ...(hit === undefined ? [] : judge(reference, first, hit, fault, scene)),
    ...(await finish(reference, scene, fault === "KILL" ? hit : undefined)).filter(
      (problem) => !(isLost && problem === ".owed is absent"),
    ),
  ];
  return { fault, aimed, ...(hit === undefined ? {} : { hit }), problems };
}

/**
 * Whether the record of a damaged image that was taken away could not be written at all, and the run told so
 * (DST-66). strace counts for each thread: an error may hit both of its tries, or only the first.
 */
function isRecordLost({ mayLackLatest }: Story, { calls, stderr }: Traced): boolean {
  const failed = calls.filter(({ injected, paths }) => injected && paths.includes(".owed.new"));
  const isTold = stderr.includes("The restart of app.service is not on record");
  return mayLackLatest === true && failed.length === 2 && isTold;
}

/** What a run must say and leave that met an error. */
function judge(
  reference: Undisturbed,
  { status, stderr, calls }: Traced,
  hit: Point,
  fault: Fault,
  scene: Scene,
): readonly string[] {
  if (fault === "KILL") return status === 137 ? [] : [`status ${status} of a killed run`];
  if (canMakeRoom(reference, hit, fault) && status === (scene.story.status ?? 0)) return [];
  const problems: string[] = [];
  const isPartialSync = hit.name.includes("sync") && hit.path.endsWith(".partial");
  // On the way back, an image that cannot be had is an error of its unit (ACT-53).
  // What is wrong with packed files leads to the plain image (PCK-59), which may meet the same: each thread has its count.
  const isHint = stderr.includes("; the image itself is downloaded\n");
  const expected = isHint ? [0, 74] : [70, 75].includes(scene.story.status ?? 0) ? [70, 74] : [74];
  if (!expected.includes(status)) problems.push(`status ${status}: ${stderr}`);
  if (!stderr.includes(ERRORS[fault])) problems.push(`the error is not told: ${stderr}`);
  const paths = calls.find(({ injected }) => injected)?.paths ?? [];
  const shown = paths.map((path) => (path === "." ? scene.tree : `${scene.tree}/${path}`));
  if (!shown.some((path) => stderr.includes(`${path}: `)))
    problems.push(`the error does not name its path: ${stderr}`);
  if (hit.name !== "unlink") {
    problems.push(...scene.leftovers(isPartialSync).map((name) => `${name} is left`));
  }
  return problems;
}

/**
 * Whether a lack of room at this call is mended by removing a download that nobody wants any more, which is still
 * there then (FET-74).
 */
function canMakeRoom({ calls }: Undisturbed, aimed: Point, fault: Fault): boolean {
  if (fault !== "ENOSPC" && fault !== "EDQUOT") return false;
  const all = points(calls);
  const removed = all.findIndex(({ name, path }) => name === "unlink" && path.endsWith(".partial"));
  const failed = all.findIndex(
    ({ name, path, nth }) => name === aimed.name && path === aimed.path && nth === aimed.nth,
  );
  return failed !== -1 && failed <= removed;
}

/** The run after the disturbed one. @param killedAt where that one was killed */
async function finish(
  { story, calls }: Undisturbed,
  scene: Scene,
  killedAt: Point | undefined,
): Promise<readonly string[]> {
  const next = scene.next();
  const { status, stderr, calls: nextCalls } = await (killedAt ? record(next) : run(next));
  const problems = [
    ...([story.nextStatus ?? 0].flat().includes(status)
      ? []
      : [`status ${status} of the next run: ${stderr}`]),
    ...scene.unfinished(),
    ...scene.broken(),
  ];
  if (killedAt === undefined) return problems;
  // What the killed run did is known from the undisturbed one.
  const disk = new Unsynced(story.kind);
  disk.follow(callsBefore(calls, killedAt), false);
  return [...problems, ...disk.follow(nextCalls, status === 0)];
}

function callsBefore(calls: readonly Call[], { name, path, nth }: Point): readonly Call[] {
  const same = calls.filter((call) => call.name === name && call.paths.includes(path));
  const killed = same[nth - 1];
  return killed === undefined ? calls : calls.filter(({ started }) => started < killed.started);
}

/** Does the work for each item, some at a time. */
export async function sideBySide<T>(
  items: Iterable<T>,
  jobs: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const worker = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}
