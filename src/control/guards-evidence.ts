/** Guards that ask whether the picture is whole, true and proven. */
import { SECOND_MS } from '../domain/window.ts';
import { alertOnly, type Guard, type GuardCase, loadOf, shadowOnly } from './guard.ts';

import { usageMetric } from './policy-metric.ts';

const percent = (share: number) => `${Math.round(share * 100)} %`;

export const dataHealth: Guard = {
  name: 'data-health',
  row: 'G16',
  check: ({ finding: { anomaly }, evidence: { health }, activeTenants, now, params }) => {
    const { dataUntil, completeShare, schemaChangedAt } = health;
    const { attributedShare, usualAttributedShare, rejectedShare } = health;
    const age = dataUntil === null ? Number.NaN : (now - dataUntil) / SECOND_MS;
    if (!(age <= params.maxDataAgeSeconds)) {
      return alertOnly(
        Number.isNaN(age) ? 'how fresh the data is is not known' : `the newest data is ${Math.round(age)} s old`,
      );
    }
    if (completeShare !== null && !(completeShare >= params.minCompleteShare)) {
      return alertOnly(`only ${percent(completeShare)} of what was received has been counted`);
    }
    if (rejectedShare !== null && !(rejectedShare <= params.maxRejectedShare)) {
      return alertOnly(`${percent(rejectedShare)} of what apps sent was refused at the door`);
    }
    if (attributedShare !== null && !(attributedShare >= params.minAttributedShare * (usualAttributedShare ?? 0))) {
      return alertOnly(
        `only ${percent(attributedShare)} of the load names its tenant, usually ${percent(usualAttributedShare ?? 0)}`,
      );
    }
    if (schemaChangedAt !== null && now - schemaChangedAt < params.schemaQuietSeconds * SECOND_MS) {
      return alertOnly('the shape of the data changed a short while ago');
    }
    // An empty set of tenants is a broken reading and does not mean "all of them".
    if (!(activeTenants >= 1)) return alertOnly('how many tenants are active is not known');
    const figures = [anomaly.value, anomaly.baseline, anomaly.ratio];
    return figures.every(Number.isFinite) ? undefined : alertOnly('its figures are incomplete');
  },
};

export const twoSignals: Guard = {
  name: 'single-source',
  row: 'G15',
  check: ({ facts, params }) => {
    const sources = new Set(facts?.sources);
    if (sources.size >= params.minSources) return undefined;
    const seen = sources.size === 0 ? 'no source' : [...sources].join(', ');
    return alertOnly(`its load shows in ${seen} alone, and ${params.minSources} independent sources are asked for`);
  },
};

export const volume: Guard = {
  name: 'low-volume',
  row: 'G3',
  check: (the) => {
    const { finding, evidence, params } = the;
    const load = loadOf(the);
    if (load === undefined) return alertOnly('how much it sends is not known');
    if (load * 60 < params.minRequestsPerMinute) {
      return alertOnly(`it sends less than ${params.minRequestsPerMinute} requests a minute`);
    }
    const total = evidence.requestsPerSecond;
    if (total !== null && load < params.minLoadShare * total) {
      return alertOnly(`it sends less than ${percent(params.minLoadShare)} of all requests`);
    }
    // What a plan allows is a line of its own, however little above it.
    const passesCeiling = finding.ceilingRequestsPerSecond !== undefined;
    if (passesCeiling || finding.anomaly.ratio >= params.minRatio) return undefined;
    return alertOnly(`it does less than ${params.minRatio}x its usual`);
  },
};

export const history: Guard = {
  name: 'short-history',
  row: 'G4',
  check: ({ facts, params }) => {
    const known = facts?.historySeconds ?? 0;
    if (known >= params.minHistorySeconds) return undefined;
    return shadowOnly(
      `it has been known for ${Math.floor(known / 3_600)} of ${Math.ceil(params.minHistorySeconds / 3_600)} hours`,
    );
  },
};

export const neighbours: Guard = {
  name: 'no-neighbours',
  row: 'G4',
  check: ({ activeTenants }) =>
    activeTenants >= 2 ? undefined : alertOnly('no other tenant is active, so nobody is protected by a throttle'),
};

export const peers: Guard = {
  name: 'few-peers',
  row: 'G4',
  check: ({ activeTenants, params }) => {
    if (activeTenants - 1 >= params.minPeers) return undefined;
    return shadowOnly(`fewer than ${params.minPeers} other tenants are active to be compared with`);
  },
};

export const usageOnly: Guard = {
  name: 'no-usage',
  row: 'G5',
  check: ({ finding: { anomaly }, params }) =>
    params.throttledMetrics.includes(usageMetric(anomaly.metric))
      ? undefined
      : alertOnly(`${anomaly.metric} is what happens to a tenant and not what it does`),
};

export const impact: Guard = {
  name: 'no-impact',
  row: 'G5',
  check: (the) => {
    const { facts, params } = the;
    if (!params.needsImpact || (facts !== undefined && facts.passedCeiling !== null)) return undefined;
    return harms(the)
      ? undefined
      : alertOnly('it is not shown that it harms anybody, and no ceiling of its plan is passed');
  },
};

/** The newest verdict on each resource counts: who was the culprit a while ago need not be it now. */
function harms({ finding, evidence, now, params }: GuardCase): boolean {
  const newest = new Map<string, GuardCase['evidence']['verdicts'][number]>();
  for (const verdict of evidence.verdicts) {
    const other = newest.get(verdict.resource);
    if (other === undefined || verdict.at > other.at) newest.set(verdict.resource, verdict);
  }
  return [...newest.values()].some(
    ({ at, kind, suspects, victims }) =>
      now - at <= params.verdictSeconds * SECOND_MS &&
      kind === 'culprit' &&
      suspects[0] === finding.anomaly.tenantId &&
      victims.some(({ tenantId }) => tenantId !== finding.anomaly.tenantId),
  );
}

export const knownPeak: Guard = {
  name: 'known-peak',
  row: 'G7',
  check: ({ finding: { anomaly }, evidence, now }) => {
    const isOurs = (tenantId: string | null) => tenantId === null || tenantId === anomaly.tenantId;
    const peak = evidence.peaks.find(({ from, to, tenantId }) => from <= now && now < to && isOurs(tenantId));
    return peak && alertOnly(`much load is expected now: ${peak.name}`);
  },
};
