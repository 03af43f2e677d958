import { useEffect, useState } from 'preact/hooks';
import type { FlagInstanceList, MetricSeries } from '../../../src/api/contract.ts';
import { serverNow, tenantMetric } from '../shared/api-client.ts';
import { listInstances } from './noisy-api.ts';

const LOOKED_AT_MS = 15 * 60_000;

export interface ActFacts {
  /** Requests of the last minutes by route; undefined: not known (yet). */
  readonly byRoute: MetricSeries | undefined;
  readonly services: readonly string[];
  readonly instances: FlagInstanceList | undefined;
}

const NOTHING: ActFacts = { byRoute: undefined, services: [], instances: undefined };

/** What the form needs to say whom it affects. What cannot be had is left out: it must not keep anybody from acting. */
export function useActFacts(tenantId: string): ActFacts {
  const [facts, setFacts] = useState<ActFacts>(NOTHING);
  useEffect(() => {
    const stop = new AbortController();
    const now = serverNow();
    const window = { from: Math.floor((now - LOOKED_AT_MS) / 60_000) * 60_000, to: now };
    const asked = { metric: 'requests', window, stepSeconds: 60 } as const;
    const learn = (part: Promise<Partial<ActFacts>>) =>
      part.then((known) => setFacts((before) => ({ ...before, ...known }))).catch(() => undefined);
    void learn(tenantMetric(tenantId, { ...asked, groupBy: 'route' }, stop.signal).then((byRoute) => ({ byRoute })));
    void learn(
      tenantMetric(tenantId, { ...asked, groupBy: 'service' }, stop.signal).then(({ series }) => ({
        services: series.flatMap(({ group }) => (group.service ? [group.service] : [])).sort(),
      })),
    );
    void learn(listInstances(stop.signal).then((instances) => ({ instances })));
    return () => stop.abort();
  }, [tenantId]);
  return facts;
}
