// What the suite checks against.

/** The version of the specification (spec/README.md). */
export const SPEC_VERSION = 1;

/** The version of the adapter protocol (spec/adapter.md). */
export const PROTOCOL = 1;
