import type { QueryParam } from '../domain/analytics-query.ts';
import type { Window } from '../domain/window.ts';

export const NS_PER_MS = 1e6;
export const NO_PARENT = "toFixedString('', 8)";

/** `Timestamp` in a half-open window, to the millisecond. */
export function spanTime({ from, to }: Window): { readonly sql: string; readonly params: Record<string, QueryParam> } {
  return {
    sql: `Timestamp >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND Timestamp < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')`,
    params: { from_ms: Math.floor(from), to_ms: Math.ceil(to) },
  };
}
