// Loaded before the program: ten of its seconds pass in one, so that its time-outs can be waited for.

import "./short-waits.ts";

const timers = { setTimeout, setInterval };
const faster =
  (start: (run: () => void, ms?: number) => unknown) =>
  (run: () => void, ms = 0) =>
    start(run, ms / 10);
Object.assign(globalThis, {
  setTimeout: faster(timers.setTimeout),
  setInterval: faster(timers.setInterval),
});
