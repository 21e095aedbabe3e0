// All faults that an adapter can be given.

import { CONFIG_FAULTS } from "./config-faults.ts";
import type { AdapterFaults } from "./fault.ts";
import { HISTORY_FAULTS } from "./history-faults.ts";
import { KEY_FAULTS } from "./key-faults.ts";
import { MANIFEST_FAULTS } from "./manifest-faults.ts";
import { PACKED_FAULTS } from "./packed-faults.ts";
import { PATTERN_FAULTS } from "./pattern-faults.ts";
import { VERSION_FAULTS } from "./version-faults.ts";

export const ADAPTER_FAULTS: AdapterFaults = {
  ...VERSION_FAULTS,
  ...PATTERN_FAULTS,
  ...MANIFEST_FAULTS,
  ...HISTORY_FAULTS,
  ...KEY_FAULTS,
  ...CONFIG_FAULTS,
  ...PACKED_FAULTS,
};
