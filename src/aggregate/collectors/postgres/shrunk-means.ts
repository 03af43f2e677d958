/** What a sample shows of one tenant's rows in one respect, such as their width. */
export interface SampledMean {
  readonly key: string;
  readonly mean: number;
  /** Rows of the sample, and variance between them. */
  readonly sampled: number;
  readonly spread: number;
  /** Rows that there are. */
  readonly rows: number;
}

export interface ShrunkMean {
  readonly mean: number;
  /** Of the mean over the tenant's rows, as an estimate of what they really have. */
  readonly variance: number;
}

/** So many rows of other tenants stand beside the tenant's own when its spread is judged: rare wide rows hide in few. */
const PRIOR_ROWS = 100;

/**
 * A few sampled rows say little, so each mean is drawn towards that of all tenants, the more the less tenants differ
 * from each other beyond chance (empirical Bayes; DerSimonian and Laird's estimate of that difference). The weights
 * come from the spread of all rows together: with each tenant's own, those that show no wide row by chance would seem
 * certain, and pull the others down.
 */
export function shrunkMeans(means: readonly SampledMean[]): {
  readonly of: ReadonlyMap<string, ShrunkMean>;
  /** For a tenant of whom no row was seen. */
  readonly unseen: ShrunkMean;
} {
  const degrees = means.reduce((sum, { sampled }) => sum + Math.max(0, sampled - 1), 0);
  const pooled =
    degrees === 0
      ? 0
      : means.reduce((sum, { spread, sampled }) => sum + spread * Math.max(0, sampled - 1), 0) / degrees;
  const between = varianceBetween(means, pooled);
  const weightOf = ({ sampled }: SampledMean) => 1 / (pooled / sampled + between);
  const isUsable = Number.isFinite(between) && pooled + between > 0;
  const weights = isUsable ? means.reduce((sum, one) => sum + weightOf(one), 0) : 0;
  const common = weights === 0 ? 0 : means.reduce((sum, one) => sum + one.mean * weightOf(one), 0) / weights;
  const of = new Map(
    means.map((one) => {
      const { key, mean, sampled, spread, rows } = one;
      const own = (spread * (sampled - 1) + pooled * PRIOR_ROWS) / (sampled - 1 + PRIOR_ROWS);
      const unseen = Math.max(0, 1 - sampled / Math.max(1, rows));
      const error = (own / sampled) * unseen;
      const trust = weights === 0 || error === 0 ? 1 : between / (between + error);
      // Drawn to the common mean, the tenant's rows still differ from it by chance and by nature.
      const variance = trust * error + (1 - trust) * (own / Math.max(1, rows)) * unseen;
      return [key, { mean: trust * mean + (1 - trust) * common, variance }];
    }),
  );
  return { of, unseen: { mean: common, variance: isUsable ? between : 0 } };
}

/** How much tenants' means differ beyond what chance explains; infinite: one tenant alone cannot tell. */
function varianceBetween(means: readonly SampledMean[], pooled: number): number {
  if (means.length < 2) return Number.POSITIVE_INFINITY;
  const rows = means.reduce((sum, { sampled }) => sum + sampled, 0);
  const center = means.reduce((sum, { mean, sampled }) => sum + mean * sampled, 0) / rows;
  const scatter = means.reduce((sum, { mean, sampled }) => sum + sampled * (mean - center) ** 2, 0);
  const squares = means.reduce((sum, { sampled }) => sum + sampled * sampled, 0);
  return Math.max(0, (scatter - (means.length - 1) * pooled) / (rows - squares / rows));
}
