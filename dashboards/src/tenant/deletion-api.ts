import type {
  DeletionCertificateItem,
  DeletionCertificateList,
  DeletionRequestItem,
  DeletionRequestList,
  DeletionVerification,
} from '../../../src/api/deletions-contract.ts';
import { get, send, urlOf } from '../shared/api-client.ts';

const MOST = 1_000;
const certificateUrl = (id: string) => `/v1/deletion-certificates/${encodeURIComponent(id)}`;

export function allDeletions(signal?: AbortSignal): Promise<DeletionRequestList> {
  return get('/v1/deletion-requests', { limit: MOST }, signal);
}

export function startDeletion(tenantId: string, id: string): Promise<DeletionRequestItem> {
  return send('POST', urlOf(`/v1/deletion-requests/${encodeURIComponent(id)}/start`, { tenant_id: tenantId }));
}

export function listCertificates(signal?: AbortSignal): Promise<DeletionCertificateList> {
  return get('/v1/deletion-certificates', { limit: MOST }, signal);
}

export function certificate(id: string, signal?: AbortSignal): Promise<DeletionCertificateItem> {
  return get(certificateUrl(id), {}, signal);
}

/** With the tenant's id files are searched, too. */
export function verifyCertificate(id: string, tenantId: string): Promise<DeletionVerification> {
  return send('POST', `${certificateUrl(id)}/verify`, tenantId === '' ? {} : { tenant_id: tenantId });
}
