import { EDGE_DEFENCES } from './access-edge-defences.ts';
import { RLS_DEFENCES } from './access-rls-defences.ts';
import type { Defence } from './defence.ts';
import { DOOR_DEFENCES } from './door-defences.ts';
import { IDENTITY_DEFENCES } from './identity-defences.ts';
import { SPOOL_DEFENCES } from './spool-defences.ts';
import { STORE_DEFENCES } from './store-defences.ts';

export const DEFENCES: readonly Defence[] = [
  ...DOOR_DEFENCES,
  ...SPOOL_DEFENCES,
  ...STORE_DEFENCES,
  ...RLS_DEFENCES,
  ...EDGE_DEFENCES,
  ...IDENTITY_DEFENCES,
];

/** A source without one defence. @throws Error unless it stands there exactly once: the list has fallen behind the code */
export function without({ name, file, from, to }: Defence, source: string): string {
  const found = source.split(from).length - 1;
  if (found !== 1) throw new Error(`"${name}": its text stands ${found} times in ${file}`);
  return source.replace(from, () => to);
}
