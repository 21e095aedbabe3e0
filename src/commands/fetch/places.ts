// How many configs are worked on at a time (FET-3). One that waits for another run's lock is not among them.

/** A place among those that work, until it is given back. */
export interface Place extends Disposable {
  /** Waits for something that is no work, while the place is another's. */
  readonly aside: <T>(wait: () => Promise<T>) => Promise<T>;
}

export interface Places {
  /** Waits for a place; who came first gets the first. */
  take(): Promise<Place>;
}

export function createPlaces(count: number): Places {
  const queue: (() => void)[] = [];
  let free = count;

  async function enter(): Promise<void> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
  }
  function leave(): void {
    const next = queue.shift();
    if (next === undefined) free++;
    else next();
  }

  return {
    async take() {
      await enter();
      return {
        async aside(wait) {
          leave();
          try {
            return await wait();
          } finally {
            await enter();
          }
        },
        [Symbol.dispose]: leave,
      };
    },
  };
}
