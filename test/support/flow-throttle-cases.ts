/** The decision table of throttles, read; `about` in the file says what it means. */
import { readFileSync } from 'node:fs';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import type { Priority } from '../../src/middleware/index.ts';

export interface CaseRequest {
  readonly at_ms: number;
  readonly until_ms?: number;
  readonly tenant_id: string;
  readonly service: string;
  readonly method: string;
  readonly route: string;
  readonly cost_class?: string;
  readonly weight?: number;
  readonly priority?: Priority;
  readonly count: number;
  readonly allowed: number;
  readonly refused_by?: 'enforce' | 'shadow';
  readonly retry_after_s?: number;
  readonly fields?: Readonly<Record<string, string>>;
  /** Ids of the flags that hold for it. */
  readonly in_force: readonly string[];
}

export interface ThrottleCase {
  readonly name: string;
  readonly instances: number;
  readonly flags: readonly WireFlag[];
  readonly requests: readonly CaseRequest[];
}

interface File {
  readonly defaults: { readonly flag: WireFlag; readonly request: Partial<CaseRequest> };
  readonly cases: readonly {
    readonly name: string;
    readonly instances?: number;
    readonly flag?: Partial<WireFlag>;
    readonly flags?: readonly Partial<WireFlag>[];
    readonly requests: readonly Partial<CaseRequest>[];
  }[];
}

export function throttleCases(): readonly ThrottleCase[] {
  const file = new URL('../flow/throttle-cases.json', import.meta.url);
  const { defaults, cases } = JSON.parse(readFileSync(file, 'utf8')) as File;
  return cases.map(({ name, instances = 1, flag, flags: several, requests }) => {
    const flags = (several ?? [flag ?? {}]).map((one) => ({ ...defaults.flag, ...one }));
    const filled = { ...defaults.request, in_force: flags.map(({ id }) => id) };
    return { name, instances, flags, requests: requests.map((one) => ({ ...filled, ...one }) as CaseRequest) };
  });
}
