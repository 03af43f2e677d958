/** What the demo process and the process that started it say to each other over Node's IPC channel. */
import type { Stats } from 'tenantry';
import type { PlannedRequest } from './requests.ts';
import type { ServerDuration } from './server-durations.ts';
import type { TallyCounts } from './tally.ts';

export type ToDemo =
  /** Send exactly these requests, so many at a time (default 8), and answer `done`. One run at a time. */
  | { readonly type: 'run'; readonly requests: readonly PlannedRequest[]; readonly concurrency?: number }
  /** Answer `stats`. */
  | { readonly type: 'stats' }
  /** Start or stop the background load; it starts by itself unless the rate is 0. */
  | { readonly type: 'load'; readonly on: boolean };

export type FromDemo =
  | { readonly type: 'ready'; readonly port: number; readonly tenants: readonly DemoTenantInfo[] }
  | { readonly type: 'done'; readonly counts: TallyCounts; readonly durations: readonly ServerDuration[] }
  | { readonly type: 'stats'; readonly load: TallyCounts & { readonly skipped: number }; readonly middleware: Stats }
  | { readonly type: 'failed'; readonly reason: string };

export interface DemoTenantInfo {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly noisy: boolean;
}
