import type { NewThrottle } from '../../../src/api/contract.ts';
import type { FieldProblems, FormValues } from '../shared/form-problems.ts';
import { formatShort } from '../shared/format.ts';
import { formatSpan, type TimeText } from '../shared/time-format.ts';

/** The throttle form's fields as typed, before they are numbers. */
export interface ThrottleDraft extends FormValues {
  readonly rate: string;
  readonly burst: string;
  readonly seconds: string;
  readonly mode: 'enforce' | 'shadow';
  readonly route: string;
  /** Empty: every service. */
  readonly service: string;
  readonly reason: string;
}

export const DURATIONS = [
  { seconds: 300, label: '5 minutes' },
  { seconds: 900, label: '15 minutes' },
  { seconds: 1_800, label: '30 minutes' },
  { seconds: 3_600, label: '1 hour' },
  { seconds: 14_400, label: '4 hours' },
] as const;

/**
 * A draft to start from: half of what the tenant sends now, for 15 minutes, really enforced. Whoever opens this form
 * at night wants relief; the reason stays empty because only they know it.
 * @param currentRate requests a second, or null if it is not known
 */
export function startDraft(currentRate: number | null): ThrottleDraft {
  const rate = currentRate === null ? 10 : Math.max(1, Math.round(currentRate / 2));
  return {
    rate: String(rate),
    burst: String(Math.max(1, rate * 2)),
    seconds: '900',
    mode: 'enforce',
    route: '',
    service: '',
    reason: '',
  };
}

export type DraftCheck =
  | { readonly ok: true; readonly throttle: NewThrottle }
  | { readonly ok: false; readonly problems: FieldProblems };

const readNumber = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));

function scopeOf({ route, service }: ThrottleDraft): Pick<NewThrottle, 'scope'> {
  if (route === '' && service === '') return {};
  return { scope: { ...(service === '' ? {} : { service }), ...(route === '' ? {} : { route }) } };
}

/** The request that the draft stands for, or what is wrong with which field. */
export function checkDraft(draft: ThrottleDraft, tenantId: string): DraftCheck {
  const rate = readNumber(draft.rate);
  const burst = readNumber(draft.burst);
  const reason = draft.reason.trim();
  const problems: Record<string, string> = {};
  if (!Number.isFinite(rate) || rate < 0) problems['rate'] = 'A number of requests a second, 0 to refuse everything';
  if (!Number.isInteger(burst) || burst < 1) problems['burst'] = 'A whole number, at least 1';
  if (reason === '') problems['reason'] = 'Say why: it is shown wherever this throttle appears';
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  const throttle: NewThrottle = {
    tenant_id: tenantId,
    limit: { requests_per_second: rate, burst },
    mode: draft.mode,
    expires_in_seconds: Number(draft.seconds),
    reason,
    ...scopeOf(draft),
  };
  return { ok: true, throttle };
}

/** What will happen, in a sentence, before anybody presses the button. */
export function previewSentence(throttle: NewThrottle, now: number, clock: TimeText): string {
  const { requests_per_second: rate, burst } = throttle.limit;
  const scope = [throttle.scope?.service, throttle.scope?.route].filter((part) => part !== undefined).join(' ');
  const where = scope === '' ? '' : ` on ${scope}`;
  const until = `until ${clock.minute(now + throttle.expires_in_seconds * 1000)} (${formatSpan(throttle.expires_in_seconds * 1000)})`;
  const what =
    rate === 0 ? 'every request' : `whatever exceeds ${formatShort(rate)} requests a second (burst ${burst})`;
  return throttle.mode === 'enforce'
    ? `${throttle.tenant_id}${where}: ${what} is answered 429, ${until}. It then ends by itself.`
    : `${throttle.tenant_id}${where}: ${what} is only counted, nothing is refused, ${until}.`;
}

/** Requests a second in the last whole step of a sparkline; the step after it is still filling. */
export function recentRate(spark: readonly number[], stepSeconds: number): number | null {
  const requests = spark.at(-2);
  return requests === undefined || stepSeconds <= 0 ? null : requests / stepSeconds;
}
