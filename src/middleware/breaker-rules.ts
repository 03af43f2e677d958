/** When a breaker opens, for how long, and what it counts as the integration's failure. */
export interface BreakerOptions {
  /** Failures in a row that open the breaker; false: runs do not matter. Default 5. */
  readonly consecutiveFailures?: number | false;
  /** Share of failures, above 0 to 1, in the window that opens it; false: the share does not matter. Default 0.5. */
  readonly failureShare?: number | false;
  /** Calls in the window below which the share says nothing. Default 20. */
  readonly minimumCalls?: number;
  /** Milliseconds over which the share is taken. Default 10,000. */
  readonly windowMs?: number;
  /** Milliseconds until an open breaker lets a probing call through. Default 30,000. */
  readonly halfOpenAfterMs?: number;
  /** Each failed probe doubles the wait, up to this many milliseconds. Default 300,000. */
  readonly longestOpenMs?: number;
  /** Share of the wait that is added at random, so that instances do not probe in step. Default 0.2. */
  readonly jitter?: number;
  /** Probes that must succeed, one after the other, to close it. Default 1. */
  readonly probes?: number;
  /** Milliseconds after which a probe that has not ended counts as failed. Default `timeoutMs`, else 30,000. */
  readonly probeTimeoutMs?: number;
  /** Milliseconds after which a call is given up: its signal is aborted, `BreakerTimeoutError` is thrown. Default: never. */
  readonly timeoutMs?: number;
  /** Which thrown values are the integration's failure. Default: all but 4xx answers, which are the caller's own. */
  readonly isFailure?: (error: unknown) => boolean;
  /** Which results are failures though nothing was thrown: `(response) => response.status >= 500`. Default: none. */
  readonly isFailedResult?: (result: unknown) => boolean;
  /**
   * A second breaker for all tenants together, for total outages. True: it opens when at least half of at least ten
   * tenants whose calls ended in the window failed with their last one. Each tenant counts once, so that no tenant, however busy,
   * opens it for the others. Default: none.
   */
  readonly allTenants?: boolean | { readonly minimumTenants?: number; readonly failureShare?: number };
}

/** The options with every default filled in; what made no sense was replaced by the default. */
export interface BreakerRules {
  readonly consecutiveFailures: number;
  readonly failureShare: number;
  readonly minimumCalls: number;
  readonly windowMs: number;
  readonly openMs: number;
  readonly longestOpenMs: number;
  readonly jitter: number;
  readonly probes: number;
  readonly probeTimeoutMs: number;
  readonly timeoutMs: number | undefined;
  readonly isFailure: (error: unknown) => boolean;
  readonly isFailedResult: ((result: unknown) => boolean) | undefined;
  readonly allTenants: { readonly minimumTenants: number; readonly failureShare: number } | undefined;
}

/** Answers that say "not now" rather than "you are wrong": request timeout, too early, too many requests. */
const FAILING_4XX = [408, 425, 429];
const DEFAULT_PROBE_TIMEOUT_MS = 30_000;
const DEFAULT_ALL_TENANTS = { minimumTenants: 10, failureShare: 0.5 };

/** The HTTP status that clients put on their errors: fetch wrappers, axios, and the SDKs of model providers. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { status, statusCode, response } = error as { status?: unknown; statusCode?: unknown; response?: unknown };
  const inner =
    typeof response === 'object' && response !== null ? (response as { status?: unknown }).status : undefined;
  return [status, statusCode, inner].find((value): value is number => typeof value === 'number');
}

function isIntegrationsFailure(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status < 400 || status >= 500 || FAILING_4XX.includes(status);
}

function within(value: number | undefined, low: number, high: number, fallback: number): number {
  return value !== undefined && value >= low && value <= high ? value : fallback;
}

/** A rule that is switched off is one that no figure reaches. */
function threshold(value: number | false | undefined, low: number, high: number, fallback: number): number {
  return value === false ? Number.POSITIVE_INFINITY : within(value, low, high, fallback);
}

/** Options come from JavaScript too: nonsense must neither throw nor make a breaker that never closes again. */
export function rulesOf(options: BreakerOptions): BreakerRules {
  const openMs = within(options.halfOpenAfterMs, 1, 86_400_000, 30_000);
  const timeoutMs = within(options.timeoutMs, 1, 86_400_000, 0);
  const all = options.allTenants;
  return {
    consecutiveFailures: threshold(options.consecutiveFailures, 1, 1e6, 5),
    failureShare: threshold(options.failureShare, Number.MIN_VALUE, 1, 0.5),
    minimumCalls: within(options.minimumCalls, 1, 1e9, 20),
    windowMs: within(options.windowMs, 10, 3_600_000, 10_000),
    openMs,
    longestOpenMs: Math.max(openMs, within(options.longestOpenMs, 1, 86_400_000, 300_000)),
    jitter: within(options.jitter, 0, 1, 0.2),
    probes: within(options.probes, 1, 1_000, 1),
    probeTimeoutMs: within(options.probeTimeoutMs, 1, 86_400_000, timeoutMs || DEFAULT_PROBE_TIMEOUT_MS),
    timeoutMs: timeoutMs || undefined,
    isFailure: typeof options.isFailure === 'function' ? options.isFailure : isIntegrationsFailure,
    isFailedResult: typeof options.isFailedResult === 'function' ? options.isFailedResult : undefined,
    allTenants: all === undefined || all === false ? undefined : allTenantsOf(all === true ? {} : all),
  };
}

function allTenantsOf({ minimumTenants, failureShare }: { minimumTenants?: number; failureShare?: number }) {
  return {
    minimumTenants: within(minimumTenants, 2, 1e6, DEFAULT_ALL_TENANTS.minimumTenants),
    failureShare: within(failureShare, Number.MIN_VALUE, 1, DEFAULT_ALL_TENANTS.failureShare),
  };
}
