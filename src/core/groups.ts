// Configs whose units meet belong together: they are activated at once (spec/activation.md, ACT-60).

/** Splits items so that two that share a member, or are linked by others that do, are in one group. */
export function groupsOf<T>(
  items: readonly T[],
  membersOf: (item: T) => readonly string[],
): readonly (readonly T[])[] {
  let groups: readonly { items: readonly T[]; members: ReadonlySet<string> }[] = [];
  for (const item of items) {
    const members = new Set(membersOf(item));
    const apart = groups.filter((group) => group.members.isDisjointFrom(members));
    const joined = groups.filter((group) => !group.members.isDisjointFrom(members));
    groups = [
      ...apart,
      {
        items: [...joined.flatMap((group) => group.items), item],
        members: joined.reduce((all, group) => all.union(group.members), members),
      },
    ];
  }
  return groups.map((group) => group.items);
}
