import type { Logger } from 'pino';
import type { Finding } from '../control/guard.ts';
import { type Action, decide, lookBackMs, type PolicyParams } from '../control/policy.ts';
import { NO_EVIDENCE } from '../control/policy-evidence.ts';
import type {
  ApprovalAsker,
  DecisionJournal,
  EvidenceReader,
  PolicyMemory,
  ThrottleReader,
  ThrottleWriter,
} from '../control/ports.ts';
import { TenantryError } from '../domain/errors.ts';
import type { EnforcementMode } from '../domain/flags.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';

export interface PolicyActsOptions {
  readonly throttles: ThrottleReader & ThrottleWriter;
  /** What decisions are made from beside findings and throttles. */
  readonly evidence: EvidenceReader;
  readonly journal: DecisionJournal;
  readonly approvals: ApprovalAsker;
  readonly mode: 'off' | EnforcementMode;
  readonly policyParams: PolicyParams;
  readonly log: Logger;
}

type Page = Pick<PolicyMemory, 'page' | 'pageSince'>;

const NO_PAGE: Page = { page: null, pageSince: null };

/** Decides about what is open, carries it out and writes it down. */
export class PolicyActs {
  readonly #options: PolicyActsOptions;
  #told = new Set<string>();
  #page: Page = NO_PAGE;

  constructor(options: PolicyActsOptions) {
    this.#options = options;
  }

  /** Why automatic throttling stands still while tenants are out of line, and since when; null: it does not. */
  page(): Page {
    return this.#page;
  }

  /** Goes on where the last leader was: what it has paged about is not paged again. */
  restore({ page, pageSince }: Page): void {
    this.#page = { page, pageSince };
    this.#told.clear();
  }

  async act(now: {
    readonly findings: readonly Finding[];
    readonly activeTenants: readonly TenantId[];
    readonly dataUntil: number | null;
    readonly now: number;
  }): Promise<void> {
    const { mode, policyParams, throttles, evidence, journal } = this.#options;
    const recent = await throttles.recent(now.now, now.now - lookBackMs(policyParams));
    const situation = {
      findings: now.findings,
      throttles: recent,
      activeTenants: now.activeTenants.length,
      mode,
      now: now.now,
      wasSuspended: this.#page.page !== null,
      params: policyParams,
      // Unread evidence proves nothing, so nothing is throttled; what was found stays found.
      evidence: await evidence
        .gather({ ...now, throttles: recent })
        .catch((error: unknown) => this.#without('the evidence for decisions was not read', error, NO_EVIDENCE)),
    };
    const decision = decide(situation);
    for (const action of decision.actions) {
      if (!this.#isNews(action)) continue;
      const done = await this.#carryOut(action, now.now);
      await journal
        .note(situation, decision, done.action, done.throttle)
        .catch((error: unknown) => this.#without('a decision was not written to the journal', error, undefined));
    }
    if (!decision.suspended) this.#page = NO_PAGE;
    if (now.findings.length === 0) this.#told.clear();
  }

  #without<T>(what: string, error: unknown, instead: T): T {
    this.#options.log.error({ err: error }, what);
    return instead;
  }

  /** The policy repeats an alert with every decision; people hear of each cause once. */
  #isNews(action: Action): boolean {
    if (action.kind !== 'alert') return true;
    const key = `${action.anomalyId} ${action.heldBackBy}`;
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }

  /** @returns what was done in the end, with the throttle that was written or lifted */
  async #carryOut(
    action: Action,
    now: number,
  ): Promise<{ readonly action: Action; readonly throttle?: ThrottleRecord | undefined }> {
    const { log, policyParams, throttles, approvals } = this.#options;
    const actor = { kind: 'system', subject: policyParams.automaticSubject } as const;
    switch (action.kind) {
      case 'throttle': {
        const { tenantId, mode, reason } = action.throttle;
        try {
          const throttle = await throttles.create(actor, action.throttle);
          log.warn({ tenant: tenantId, mode }, reason);
          return { action, throttle };
        } catch (error) {
          if (!(error instanceof TenantryError) || error.code !== 'CONFLICT') throw error;
          log.warn({ tenant: tenantId }, error.message);
          return { action: overruled(action, error.message) };
        }
      }
      case 'lift':
        log.warn({ tenant: action.tenantId, throttle: action.throttleId }, action.explanation);
        return { action, throttle: await throttles.lift(actor, action.throttleId) };
      case 'ask':
        await approvals.ask(action);
        log.warn({ tenant: action.tenantId, heldBackBy: action.heldBackBy }, action.explanation);
        return { action };
      case 'alert':
        log.warn({ tenant: action.tenantId, heldBackBy: action.heldBackBy }, action.explanation);
        return { action };
      case 'page':
        this.#page = { page: action.explanation, pageSince: now };
        log.error({ page: true }, action.explanation);
        return { action };
    }
  }
}

/** A person was faster: what is written down is that nothing was done, and why. */
function overruled({ throttle }: Extract<Action, { kind: 'throttle' }>, because: string): Action {
  const { tenantId, anomalyId = '', reason } = throttle;
  return { kind: 'alert', tenantId, anomalyId, heldBackBy: 'person-was-faster', explanation: `${reason}; ${because}` };
}
