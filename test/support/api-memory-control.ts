import { randomUUID } from 'node:crypto';
import type {
  AllowListEntry,
  Control,
  DecisionChain,
  KillSwitchState,
  RuleStanding,
} from '../../src/api/control-ports.ts';
import type { Approval, KnownPeak, Stage, TenantStage } from '../../src/domain/automation.ts';
import type { Backtest } from '../../src/domain/backtest.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const MEMORY_RULE = 'tenantry/1';

/** Control in memory. */
export class MemoryControl implements Control {
  readonly chains: DecisionChain[] = [];
  readonly entries = new Map<TenantId, AllowListEntry>();
  switched: KillSwitchState = { on: false, reason: '', by: null, at: null, source: 'file', revision: null };
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly killSwitch: Control['killSwitch'] = {
    state: () => this.switched,
    set: async (actor, on, reason) => {
      this.switched = { on, reason, by: actor.subject, at: this.#now(), source: 'file', revision: 7 };
      return this.switched;
    },
    reach: async () => [{ service: 'shop', instanceId: 'i-1', ackedAt: null }],
  };

  readonly allowList: Control['allowList'] = {
    list: async () => [...this.entries.values()],
    put: async (actor, tenantId, { owner, reason, expiresInSeconds }) => {
      const createdAt = this.#now();
      const expiresAt = createdAt + expiresInSeconds * 1_000;
      const entry = { tenantId, owner, reason, createdBy: actor.subject, createdAt, expiresAt };
      this.entries.set(tenantId, entry);
      return entry;
    },
    remove: async (_actor, tenantId) => this.entries.delete(tenantId),
  };

  readonly peakEntries = new Map<string, KnownPeak>();
  readonly asked: Approval[] = [];
  readonly tests: Backtest[] = [];
  readonly stages = new Map<TenantId, TenantStage>();
  readonly moves: { readonly rule: string; readonly stage: Stage; readonly by: string }[] = [];

  readonly promotions: Control['promotions'] = {
    rules: async () => [this.#standing()],
    rule: async (_actor, rule) => (rule === MEMORY_RULE ? this.#standing() : undefined),
    steps: async () => [],
    move: async (actor, rule, { stage }) => {
      if (rule !== MEMORY_RULE) return undefined;
      this.moves.push({ rule, stage, by: actor.subject });
      return { standing: this.#standing(), approvalId: stage === 'enforce' ? 'an-approval' : null };
    },
  };

  readonly tenants: Control['tenants'] = {
    tenantStages: async () => [...this.stages.values()],
    putTenantStage: async (actor, tenantId, stage, reason) => {
      const entry = { tenantId, stage, reason, by: actor.subject, at: this.#now() };
      this.stages.set(tenantId, entry);
      return entry;
    },
    removeTenantStage: async (_actor, tenantId) => this.stages.delete(tenantId),
  };

  readonly approvals: Control['approvals'] = {
    list: async (_actor, { pendingOnly, limit }) =>
      this.asked.filter(({ state }) => !pendingOnly || state === 'pending').slice(0, limit),
    decide: async (actor, id, verdict, note) => {
      const index = this.asked.findIndex((one) => one.id === id && one.state === 'pending');
      const found = this.asked[index];
      if (found === undefined) return undefined;
      const decided = { ...found, state: verdict, note, decidedBy: actor.subject, decidedAt: this.#now() };
      this.asked[index] = decided;
      return decided;
    },
  };

  readonly peaks: Control['peaks'] = {
    list: async () => [...this.peakEntries.values()],
    put: async (actor, id, peak) => {
      const entry = { ...peak, id, createdBy: actor.subject, createdAt: this.#now() };
      this.peakEntries.set(id, entry);
      return entry;
    },
    remove: async (_actor, id) => this.peakEntries.delete(id),
  };

  readonly backtests: Control['backtests'] = {
    list: async (_actor, { rule, limit }) =>
      this.tests.filter((one) => rule === undefined || one.rule === rule).slice(0, limit),
    get: async (_actor, id) => this.tests.find((one) => one.id === id),
    ask: async (actor, rule, question) => {
      const asked: Backtest = {
        ...{ id: randomUUID(), rule, ruleHash: 'f'.repeat(64), source: 'api', state: 'waiting', question, progress: 0 },
        ...{ result: null, error: null, askedBy: actor.subject, askedAt: this.#now(), endedAt: null },
      };
      this.tests.unshift(asked);
      return asked;
    },
    cancel: async (_actor, id) => this.tests.some((one) => one.id === id),
  };

  #standing(): RuleStanding {
    const evidence = { heldSeconds: 60, shadowThrottles: 3, enforcedThrottles: 0 };
    return {
      ...{ rule: MEMORY_RULE, hash: 'f'.repeat(64), stage: 'shadow', since: this.#now() - 60_000, evidence },
      ...{ by: null, reason: null, approvedBy: null, backtest: undefined, pending: [] },
      next: { stage: 'canary', problem: 'it has not been replayed' },
    };
  }

  async decisions(
    _actor: unknown,
    { tenantId, limit }: { readonly tenantId?: TenantId; readonly limit: number },
  ): Promise<readonly DecisionChain[]> {
    return this.chains.filter((chain) => tenantId === undefined || chain.tenantId === tenantId).slice(0, limit);
  }
}
