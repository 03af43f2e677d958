/**
 * From accounts to degrade flags and alerts. One decision looks at everything of one tenant: its caps with their
 * accounts, the flags that are in force, and the alerts that were given. Run again on its own result it decides nothing.
 */
import type { DegradeStep } from '../domain/flags.ts';
import { DEGRADE_STEPS, degradeFeature, type SpendAlert, type SpendCap, stricterStep } from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { HOUR_MS, MINUTE_MS } from '../domain/window.ts';
import { type HeldCap, stepAt, usedOf } from './spend-ledger.ts';
import { capSentence } from './spend-words.ts';

/** A degrade flag of the tenant that is in force, or was lifted by a person while it would have held. */
export interface SpendFlag {
  readonly id: string;
  readonly feature: string;
  readonly step: DegradeStep;
  /** Written by the ladder; else by a person, whose word stands. */
  readonly ours: boolean;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** A person lifted it: the ladder does not write that step again in this period. */
  readonly liftedByPerson: boolean;
}

/** One thing to write. Expiries are Unix ms on the database's clock. */
type LadderAction =
  | {
      readonly kind: 'set';
      readonly feature: string;
      readonly step: DegradeStep;
      readonly reason: string;
      readonly expiresAt: number;
      /** The flag of ours that it takes the place of. */
      readonly replaces: string | undefined;
    }
  | { readonly kind: 'renew'; readonly id: string; readonly expiresAt: number }
  | { readonly kind: 'lift'; readonly id: string; readonly why: string };

export interface LadderInput {
  readonly tenantId: TenantId;
  readonly held: readonly HeldCap[];
  readonly flags: readonly SpendFlag[];
  /** Thresholds that were told, as `alertKey` names them. */
  readonly told: ReadonlySet<string>;
  readonly now: number;
}

export interface LadderDecision {
  readonly actions: readonly LadderAction[];
  readonly alerts: readonly SpendAlert[];
}

/** With every server gone, a flag of ours ends after this long; it is renewed while it holds. */
const FLAG_LIFE_MS = 30 * MINUTE_MS;
const RENEW_BEFORE_MS = 10 * MINUTE_MS;
/** The table lets no flag live for more than 24 hours; an older one is replaced instead of renewed. */
const OLDEST_RENEWED_MS = 23 * HOUR_MS;
/** A step is left when the share has fallen this many points below its threshold: corrections move it back and forth. */
const HYSTERESIS_POINTS = 2;

interface Wanted {
  readonly step: DegradeStep;
  readonly reason: string;
  /** Until when that holds at most: the end of the period. */
  readonly until: number;
  /** From when the cap's period counts: what a person lifted before is of another period. */
  readonly since: number;
}

export function decideLadder({ tenantId, held, flags, told, now }: LadderInput): LadderDecision {
  const actions: LadderAction[] = [];
  const wanted = wantedSteps(held, flags, now);
  for (const [feature, want] of wanted) {
    const action = actionFor(feature, want, flags, now);
    if (action !== undefined) actions.push(action);
  }
  for (const flag of flags) {
    if (!flag.ours || flag.liftedByPerson) continue;
    if (!wanted.has(flag.feature)) {
      actions.push({ kind: 'lift', id: flag.id, why: 'no cap is reached any more: its period ended or it was raised' });
    } else if (personal(flags, flag.feature) !== undefined) {
      actions.push({ kind: 'lift', id: flag.id, why: 'a person has decided otherwise' });
    }
  }
  return { actions, alerts: held.flatMap((one) => alertsOf(tenantId, one, told, now)) };
}

/** Names a threshold of one period and amount: it is told once. */
export function alertKey(
  alert: Pick<SpendAlert, 'period' | 'key' | 'model' | 'periodStart' | 'percent' | 'amountMicro'>,
): string {
  const { period, key, model, periodStart, percent, amountMicro } = alert;
  return JSON.stringify([period, key, model, periodStart, percent, amountMicro]);
}

/** The strictest step of each feature, `ok` left out. */
function wantedSteps(held: readonly HeldCap[], flags: readonly SpendFlag[], now: number): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const one of held) {
    if (one.account.window.to <= now) continue;
    const feature = degradeFeature(one.cap);
    const step = steadyStep(one, oursInForce(flags, feature)?.step ?? 'ok');
    const before = wanted.get(feature);
    if (step === 'ok' || (before !== undefined && stricterStep(before.step, step) === before.step)) continue;
    const { from, to } = one.account.window;
    wanted.set(feature, { step, reason: capSentence(one), until: to, since: from });
  }
  return wanted;
}

/** The step reached, or the one in force while the share has not fallen clearly below that one's threshold. */
function steadyStep({ cap, account }: HeldCap, inForce: DegradeStep): DegradeStep {
  const used = usedOf(account);
  const reached = stepAt(cap, used);
  const lenient = stepAt(cap, used + (cap.amountMicro * HYSTERESIS_POINTS) / 100);
  return isStricter(inForce, reached) && !isStricter(inForce, lenient) && isRungOf(cap, inForce) ? inForce : reached;
}

function actionFor(
  feature: string,
  { step, reason, until, since }: Wanted,
  flags: readonly SpendFlag[],
  now: number,
): LadderAction | undefined {
  if (personal(flags, feature) !== undefined) return undefined;
  const liftedByPerson = flags.some(
    (flag) =>
      flag.liftedByPerson && flag.feature === feature && flag.createdAt >= since && !isStricter(step, flag.step),
  );
  if (liftedByPerson) return undefined;
  const expiresAt = Math.min(until, now + FLAG_LIFE_MS);
  const ours = oursInForce(flags, feature);
  const isOld = ours !== undefined && expiresAt - ours.createdAt > OLDEST_RENEWED_MS;
  if (ours?.step !== step || isOld) return { kind: 'set', feature, step, reason, expiresAt, replaces: ours?.id };
  const endsSoon = ours.expiresAt - now < RENEW_BEFORE_MS && expiresAt > ours.expiresAt;
  return endsSoon ? { kind: 'renew', id: ours.id, expiresAt } : undefined;
}

function alertsOf(
  tenantId: TenantId,
  { cap, account }: HeldCap,
  told: ReadonlySet<string>,
  now: number,
): readonly SpendAlert[] {
  const usedMicro = usedOf(account);
  return cap.ladder
    .filter(({ percent }) => usedMicro * 100 >= cap.amountMicro * percent)
    .map(({ percent, step }) => ({
      tenantId,
      period: cap.period,
      key: cap.key,
      model: cap.model,
      periodStart: account.window.from,
      percent,
      amountMicro: cap.amountMicro,
      usedMicro,
      step,
      reason: capSentence({ cap, account }),
      at: now,
    }))
    .filter((alert) => !told.has(alertKey(alert)));
}

function oursInForce(flags: readonly SpendFlag[], feature: string): SpendFlag | undefined {
  return flags.find((flag) => flag.ours && !flag.liftedByPerson && flag.feature === feature);
}

function personal(flags: readonly SpendFlag[], feature: string): SpendFlag | undefined {
  return flags.find((flag) => !flag.ours && flag.feature === feature);
}

function isStricter(left: DegradeStep, right: DegradeStep): boolean {
  return DEGRADE_STEPS.indexOf(left) > DEGRADE_STEPS.indexOf(right);
}

function isRungOf(cap: SpendCap, step: DegradeStep): boolean {
  return cap.ladder.some((rung) => rung.step === step);
}
