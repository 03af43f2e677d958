/** The constants of the surge detector; one set for every tenant and every count. Times in minutes. */
export interface SurgeParams {
  /** The change that is looked for, as a multiple of the expectation, and the largest that is still usual. */
  readonly surge: number;
  readonly usual: number;
  /** Log-likelihood at which the change is believed: about e^8 to 1 in its favour. */
  readonly evidence: number;
  /** A minute brings at most a third of the evidence, so three are needed; half of it from `jump` times the usual on. */
  readonly jump: number;
  /** Least excess per minute in the metric's unit that can crowd anybody out. */
  readonly floor: number;
  /** The unit that comes in one piece: a request, or the tokens of one. Noise is counted in it. */
  readonly quantum: number;

  /** Half-lives of the level: in the first day, until a week is known, and then. */
  readonly coldHalfLife: number;
  readonly dailyHalfLife: number;
  readonly weeklyHalfLife: number;
  /** A minute moves the level as if it were at most this share away from it. */
  readonly levelClip: number;
  readonly seasonRate: number;
  /** An hour moves its season as if it were at most e to this away. */
  readonly seasonClip: number;
  /** How far the highest of the hours around counts instead of this one. */
  readonly neighbourShare: number;

  /** Below this share of the usual daily peak nothing is unusual: for a steady tenant, and for one that nobody can predict. */
  readonly steadyShare: number;
  readonly unsteadyShare: number;
  /** Mean absolute log error of the hourly expectation at which a tenant is still steady, and fully unpredictable. */
  readonly steadyError: number;
  readonly unsteadyError: number;

  /** Overdispersion: half-life of its estimate, its bound, and what bursts over five minutes count. */
  readonly spreadHalfLife: number;
  readonly mostSpread: number;
  readonly burstShare: number;

  /** Bounds of the ratio that is asked for; between them it is the rank-th largest daily excursion of ten days. */
  readonly leastRatio: number;
  readonly mostRatio: number;
  readonly excursionRank: number;
  /** A day raises the asked ratio at most by this factor, so that nobody trains it within a night. */
  readonly dailyRaise: number;
  /** Twice in three days at this time: up to this many times as much is asked for. */
  readonly sameTimeFactor: number;
  /** Minutes of history without findings; hours with activity needed; until `coldUntil` `coldRatio` is asked for. */
  readonly coldFor: number;
  readonly activeHours: number;
  readonly coldUntil: number;
  readonly coldRatio: number;

  /** Released after `quiet` minutes below this ratio, or with half of the floor. */
  readonly releaseRatio: number;
  readonly quiet: number;
  /** After this long it is the new usual. */
  readonly longest: number;
  /** Half-life at which that new usual is given up again once the load has fallen. */
  readonly holdHalfLife: number;
}

/**
 * Tuned on the tenants of the bench (`npm run bench -- detect`), rounded, and kept where the figures change little around
 * the value. `evidence`, `usual` and `unsteadyShare` trade recall against false alarms; the rest is flat.
 */
export const SURGE_PARAMS: SurgeParams = {
  surge: 3,
  usual: 1.7,
  evidence: 8,
  jump: 8,
  floor: 20,
  quantum: 1,
  coldHalfLife: 120,
  dailyHalfLife: 600,
  weeklyHalfLife: 1_440,
  levelClip: 1,
  seasonRate: 0.6,
  seasonClip: 0.7,
  neighbourShare: 0.25,
  steadyShare: 0.2,
  unsteadyShare: 0.7,
  steadyError: 0.2,
  unsteadyError: 1,
  spreadHalfLife: 1_440,
  mostSpread: 0.5,
  burstShare: 0.4,
  leastRatio: 2.5,
  mostRatio: 4,
  excursionRank: 5,
  dailyRaise: 1.4,
  sameTimeFactor: 2,
  coldFor: 1_440,
  activeHours: 18,
  coldUntil: 2_880,
  coldRatio: 5,
  releaseRatio: 1.5,
  quiet: 5,
  longest: 120,
  holdHalfLife: 30,
};
