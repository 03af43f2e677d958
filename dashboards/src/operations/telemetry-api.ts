import type { AttributionBody } from '../../../src/api/attribution-contract.ts';
import type { AuditChain, AuditList } from '../../../src/api/audit-contract.ts';
import type { DecisionList } from '../../../src/api/control-contract.ts';
import type { DetectorLoopItem, DetectorRunList } from '../../../src/api/detector-runs-contract.ts';
import type { IngestHealthBody } from '../../../src/api/ingest-health-contract.ts';
import type { CreatedKey } from '../../../src/api/keys-contract.ts';
import type { QuarantineDetail, QuarantineList } from '../../../src/api/quarantine-contract.ts';
import type { SetupBody } from '../../../src/api/setup-contract.ts';
import { get, type Query, rfc3339, send } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';

export function listAudit(query: Query, signal?: AbortSignal): Promise<AuditList> {
  return get('/v1/audit', query, signal);
}

export function auditChain(fresh: boolean, signal?: AbortSignal): Promise<AuditChain> {
  return get('/v1/audit/chain', { fresh: fresh ? true : undefined }, signal);
}

export function ingestHealth(signal: AbortSignal): Promise<IngestHealthBody> {
  return get('/v1/ingest', {}, signal);
}

export function listQuarantine(signal: AbortSignal): Promise<QuarantineList> {
  return get('/v1/quarantine', {}, signal);
}

const quarantined = (id: string) => `/v1/quarantine/${encodeURIComponent(id)}`;

export function showQuarantined(id: string, signal: AbortSignal): Promise<QuarantineDetail> {
  return get(quarantined(id), {}, signal);
}

export function replayQuarantined(id: string): Promise<unknown> {
  return send('POST', `${quarantined(id)}/replay`);
}

export function dropQuarantined(id: string): Promise<unknown> {
  return send('DELETE', quarantined(id));
}

export function attribution(window: RangeWindow, signal: AbortSignal): Promise<AttributionBody> {
  return get('/v1/attribution', { ...rfc3339(window) }, signal);
}

export async function detectorRuns(signal: AbortSignal): Promise<readonly DetectorLoopItem[]> {
  return (await get<DetectorRunList>('/v1/detector/runs', {}, signal)).items;
}

export function listDecisions(signal: AbortSignal): Promise<DecisionList> {
  return get('/v1/decisions', { limit: 100 }, signal);
}

export function setup(signal: AbortSignal): Promise<SetupBody> {
  return get('/v1/setup', {}, signal);
}

export function createIngestKey(name: string): Promise<CreatedKey> {
  return send('POST', '/v1/keys', { name, scopes: ['ingest', 'flags'] });
}
