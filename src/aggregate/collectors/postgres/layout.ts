import type { Gap } from './block-picks.ts';
import type { ValuedPage, ValuedSample } from './page-values.ts';

/** A page with so few tenants, as many equal shares make them, is one of a run of pages of the same tenant. */
const FEW_TENANTS = 2.5;
const DOMINATES = 0.8;
/** Two pages whose shares differ by less have the same tenants. */
const DIFFERS = 0.1;
/**
 * Tenants that are met more than once are to be met without another between: in one run all of them are, in imports of
 * a few pages each hardly any. Below this part there are no runs to find the ends of.
 */
const CONTINUITY = 0.5;

interface PageMix {
  readonly shares: ReadonlyMap<string, number>;
  /** 1 for a page of one tenant, n for one of n equal ones; 0: empty. */
  readonly tenants: number;
  readonly dominant: string | undefined;
}

function mixOf({ shares }: ValuedPage): PageMix {
  const total = shares.reduce((sum, { pageBytes }) => sum + pageBytes, 0);
  if (total === 0) return { shares: new Map(), tenants: 0, dominant: undefined };
  const parts = new Map(shares.map(({ tenant, pageBytes }) => [tenant, pageBytes / total]));
  const squares = [...parts.values()].reduce((sum, part) => sum + part * part, 0);
  const dominant = [...parts].find(([, part]) => part >= DOMINATES)?.[0];
  return { shares: parts, tenants: 1 / squares, dominant };
}

function difference(left: PageMix, right: PageMix): number {
  const tenants = new Set([...left.shares.keys(), ...right.shares.keys()]);
  let sum = 0;
  for (const tenant of tenants) sum += Math.abs((left.shares.get(tenant) ?? 0) - (right.shares.get(tenant) ?? 0));
  return sum / 2;
}

/**
 * Tenants whose pages lie together: few stretches of the sample, or long ones. None when pages of one tenant are hardly
 * ever followed by more of it: looking for the end of such a run would find one of very many. Ask this of pages that are
 * spread evenly: where ends were looked for already, neighbours of the sample are neighbours in the table.
 */
export function tenantsInRuns(sample: ValuedSample): ReadonlySet<string> {
  const mixes = sample.pages.map(mixOf);
  const pages = new Map<string, number>();
  const runs = new Map<string, number>();
  let continued = 0;
  for (const [index, { dominant }] of mixes.entries()) {
    if (dominant === undefined) continue;
    pages.set(dominant, (pages.get(dominant) ?? 0) + 1);
    if (mixes[index + 1]?.dominant === dominant) continued += 1;
    if (mixes[index - 1]?.dominant !== dominant) runs.set(dominant, (runs.get(dominant) ?? 0) + 1);
  }
  const again = [...pages.values()].reduce((sum, count) => sum + count - 1, 0);
  if (again === 0 || continued / again < CONTINUITY) return new Set();
  return new Set(
    [...pages].flatMap(([tenant, count]) => {
      const stretches = runs.get(tenant) ?? 1;
      return stretches <= 2 || count / stretches >= 3 ? [tenant] : [];
    }),
  );
}

/**
 * The gaps in which a run of pages of one tenant ends somewhere: on either side of such an end nothing varies, so the
 * error is the distance to it, and halving the gap halves the error. In all other gaps more pages average out chance.
 */
export function boundaryGaps({ pages, gaps }: ValuedSample, inRuns: ReadonlySet<string>): ReadonlySet<Gap> {
  if (inRuns.size === 0) return new Set();
  const mixes = pages.map(mixOf);
  const isRunEnd = (mix: PageMix) =>
    mix.tenants > 0 && mix.tenants <= FEW_TENANTS && [...mix.shares.keys()].some((tenant) => inRuns.has(tenant));
  return new Set(
    gaps.filter(({ left, right }) => {
      const [before, after] = [left, right].map((end) => (end === undefined ? undefined : mixes[end]));
      if (before === undefined || after === undefined) return false;
      return (isRunEnd(before) || isRunEnd(after)) && difference(before, after) >= DIFFERS;
    }),
  );
}
