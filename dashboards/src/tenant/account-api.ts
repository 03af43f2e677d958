import type {
  DeletionRequestItem,
  DeletionRequestList,
  NewDeletionRequest,
} from '../../../src/api/deletions-contract.ts';
import type { CreatedKey, KeyItem, KeyList, NewKey, SignInLink } from '../../../src/api/keys-contract.ts';
import type { MemberChangeBody, MemberItem, MemberList, NewMemberBody } from '../../../src/api/members-contract.ts';
import type { NewTenantExport, TenantExportItem, TenantExportList } from '../../../src/api/tenant-archives-contract.ts';
import { get, send, urlOf } from '../shared/api-client.ts';

const memberUrl = (tenantId: string, id: string, action = '') =>
  urlOf(`/v1/members/${encodeURIComponent(id)}${action}`, { tenant_id: tenantId });

export function listMembers(tenantId: string, signal?: AbortSignal): Promise<MemberList> {
  return get('/v1/members', { tenant_id: tenantId }, signal);
}

export function addMember(member: NewMemberBody): Promise<MemberItem> {
  return send('POST', '/v1/members', member);
}

export function changeMember(tenantId: string, id: string, change: MemberChangeBody): Promise<MemberItem> {
  return send('PUT', memberUrl(tenantId, id), change);
}

export function removeMember(tenantId: string, id: string): Promise<MemberItem> {
  return send('DELETE', memberUrl(tenantId, id));
}

export function memberSignInLink(tenantId: string, id: string): Promise<SignInLink> {
  return send('POST', memberUrl(tenantId, id, '/sign-in-link'));
}

/** Keys that speak for the tenant. Staff are told of every key there is; those of others are left out here. */
export async function listKeys(tenantId: string, signal?: AbortSignal): Promise<readonly KeyItem[]> {
  const { items } = await get<KeyList>('/v1/keys', {}, signal);
  return items.filter((key) => key.tenant_id === tenantId);
}

export function createKey(key: NewKey): Promise<CreatedKey> {
  return send('POST', '/v1/keys', key);
}

export function revokeKey(id: string): Promise<unknown> {
  return send('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
}

export function listDeletions(tenantId: string, signal?: AbortSignal): Promise<DeletionRequestList> {
  return get('/v1/deletion-requests', { tenant_id: tenantId }, signal);
}

export function requestDeletion(request: NewDeletionRequest): Promise<DeletionRequestItem> {
  return send('POST', '/v1/deletion-requests', request);
}

export function cancelDeletion(tenantId: string, id: string): Promise<DeletionRequestItem> {
  return send('DELETE', urlOf(`/v1/deletion-requests/${encodeURIComponent(id)}`, { tenant_id: tenantId }));
}

export function listExports(tenantId: string, signal?: AbortSignal): Promise<TenantExportList> {
  return get('/v1/tenant-exports', { tenant_id: tenantId }, signal);
}

export function askExport(asked: NewTenantExport): Promise<TenantExportItem> {
  return send('POST', '/v1/tenant-exports', asked);
}

export function cancelExport(id: string): Promise<TenantExportItem> {
  return send('DELETE', `/v1/tenant-exports/${encodeURIComponent(id)}`);
}
