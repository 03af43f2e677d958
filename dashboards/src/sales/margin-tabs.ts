/** The pages about money made, for the ways between them. */
export const COST_TABS = [
  ['/costs', 'By tenant'],
  ['/margins', 'By plan and feature'],
] as const satisfies readonly (readonly [string, string])[];
