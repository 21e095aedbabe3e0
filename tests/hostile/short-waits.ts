// Loaded before the program: it waits a hundredth of the time between two tries.

const sleep = Bun.sleep;
Bun.sleep = (wait) => sleep(typeof wait === "number" ? wait / 100 : wait);
