import { type FeatureUseRow, featureUse } from '../aggregate/queries/across-tenants/margin-feature-use.ts';
import type { FeatureUse } from '../cost/signal-conditions.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

/** A feature, and which requests are its; the same that margins are told apart by. */
interface Feature {
  readonly name: string;
  /** '' stands for any. */
  readonly routes: readonly { readonly service: string; readonly route: string }[];
}

/** Requests of each tenant by feature; those that belong to none are left out. */
export async function readFeatureUse(
  reader: AnalyticsReader,
  window: Window,
  features: readonly Feature[],
): Promise<readonly FeatureUse[]> {
  const rules = features.flatMap(({ name, routes }) => routes.map((rule) => ({ ...rule, name })));
  if (rules.length === 0) return [];
  const asked = { services: rules.map(({ service }) => service), routes: rules.map(({ route }) => route) };
  const uses = new Map<string, FeatureUse>();
  for (const row of await reader.rows<FeatureUseRow>(featureUse(window, asked, 'requests'))) {
    const feature = rules[row.rule - 1]?.name;
    const tenantId = row.tenant_id;
    if (feature === undefined || !isTenantId(tenantId)) continue;
    const key = JSON.stringify([tenantId, feature]);
    const before = uses.get(key)?.requests ?? 0;
    // Two rules may lead to one feature.
    uses.set(key, { tenantId, feature, requests: before + Number(row.amount) });
  }
  return [...uses.values()];
}
