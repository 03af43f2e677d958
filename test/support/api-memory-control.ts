import type { AllowListEntry, Control, DecisionChain, KillSwitchState } from '../../src/api/control-ports.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

/** Control in memory. */
export class MemoryControl implements Control {
  readonly chains: DecisionChain[] = [];
  readonly entries = new Map<TenantId, AllowListEntry>();
  switched: KillSwitchState = { on: false, reason: '', by: null, at: null, source: 'file' };
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly killSwitch: Control['killSwitch'] = {
    state: () => this.switched,
    set: async (actor, on, reason) => {
      this.switched = { on, reason, by: actor.subject, at: this.#now(), source: 'file' };
      return this.switched;
    },
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

  async decisions(
    _actor: unknown,
    { tenantId, limit }: { readonly tenantId?: TenantId; readonly limit: number },
  ): Promise<readonly DecisionChain[]> {
    return this.chains.filter((chain) => tenantId === undefined || chain.tenantId === tenantId).slice(0, limit);
  }
}
