// Work that ends in any order, told in one (FET-109).

/** What does things in the order of their places, 0 first: each as soon as all before it are done. */
export function inTurn(): (place: number, act: () => void) => void {
  const waiting = new Map<number, () => void>();
  let next = 0;
  return (place, act) => {
    waiting.set(place, act);
    for (let ready = waiting.get(next); ready !== undefined; ready = waiting.get(next)) {
      waiting.delete(next);
      next++;
      ready();
    }
  };
}
