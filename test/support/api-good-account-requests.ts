import { OTHER, OWN } from './api-harness.ts';

const NOBODY = '00000000-0000-4000-8000-000000000001';

/** The part of `GOOD_REQUESTS` about members, deletion and frames. */
export const GOOD_ACCOUNT_REQUESTS = {
  'GET /v1/members': { url: `/v1/members?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/members': {
    url: '/v1/members',
    payload: { email: 'ada@example.com', role: 'viewer', tenant_id: OWN },
    status: 201,
    statusForOther: 404,
  },
  'PUT /v1/members/:id': { url: `/v1/members/${NOBODY}?tenant_id=${OWN}`, payload: { role: 'member' }, status: 404 },
  'DELETE /v1/members/:id': { url: `/v1/members/${NOBODY}?tenant_id=${OWN}`, status: 404 },
  'POST /v1/members/:id/sign-in-link': { url: `/v1/members/${NOBODY}/sign-in-link?tenant_id=${OWN}`, status: 404 },
  'GET /v1/scim': { url: `/v1/scim?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'PUT /v1/scim/role-rules': {
    url: `/v1/scim/role-rules?tenant_id=${OWN}`,
    payload: {
      rules: [{ match: 'display_name', value: 'Admins', role: 'tenant_admin' }],
      authoritative: false,
      revision: 0,
    },
    status: 200,
    statusForOther: 404,
  },
  'DELETE /v1/scim': { url: `/v1/scim?tenant_id=${OTHER}`, status: 404 },
  'GET /scim/v2/ServiceProviderConfig': { url: '/scim/v2/ServiceProviderConfig', status: 200 },
  'GET /scim/v2/ResourceTypes': { url: '/scim/v2/ResourceTypes', status: 200 },
  'GET /scim/v2/ResourceTypes/:id': { url: '/scim/v2/ResourceTypes/User', status: 200 },
  'GET /scim/v2/Schemas': { url: '/scim/v2/Schemas', status: 200 },
  'GET /scim/v2/Schemas/:id': { url: '/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User', status: 200 },
  'GET /scim/v2/Users': { url: '/scim/v2/Users', status: 200 },
  'POST /scim/v2/Users': { url: '/scim/v2/Users', payload: { userName: 'ada@example.com', active: true }, status: 201 },
  'GET /scim/v2/Users/:id': { url: `/scim/v2/Users/${NOBODY}`, status: 404 },
  'PUT /scim/v2/Users/:id': {
    url: `/scim/v2/Users/${NOBODY}`,
    payload: { userName: 'ada@example.com', active: true },
    status: 404,
  },
  'PATCH /scim/v2/Users/:id': { url: `/scim/v2/Users/${NOBODY}`, payload: {}, status: 404 },
  'DELETE /scim/v2/Users/:id': { url: `/scim/v2/Users/${NOBODY}`, status: 404 },
  'GET /scim/v2/Groups': { url: '/scim/v2/Groups', status: 200 },
  'POST /scim/v2/Groups': { url: '/scim/v2/Groups', payload: { displayName: 'Admins' }, status: 201 },
  'GET /scim/v2/Groups/:id': { url: `/scim/v2/Groups/${NOBODY}`, status: 404 },
  'PUT /scim/v2/Groups/:id': { url: `/scim/v2/Groups/${NOBODY}`, payload: { displayName: 'Admins' }, status: 404 },
  'PATCH /scim/v2/Groups/:id': { url: `/scim/v2/Groups/${NOBODY}`, payload: {}, status: 404 },
  'DELETE /scim/v2/Groups/:id': { url: `/scim/v2/Groups/${NOBODY}`, status: 404 },
  'GET /v1/deletion-requests': { url: `/v1/deletion-requests?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/deletion-requests': {
    url: '/v1/deletion-requests',
    payload: { tenant_id: OWN, reason: 'We move on.' },
    status: 201,
    statusForOther: 404,
  },
  'DELETE /v1/deletion-requests/:id': { url: `/v1/deletion-requests/${NOBODY}?tenant_id=${OWN}`, status: 404 },
  'GET /v1/legal-holds': { url: '/v1/legal-holds', status: 200 },
  'PUT /v1/legal-holds/:tenant_id': { url: `/v1/legal-holds/${OWN}`, payload: { reason: 'A lawsuit.' }, status: 200 },
  'DELETE /v1/legal-holds/:tenant_id': { url: '/v1/legal-holds/nobody', status: 404 },
  'GET /v1/embed-tokens': { url: '/v1/embed-tokens', status: 200 },
  'POST /v1/embed-tokens': { url: '/v1/embed-tokens', payload: { tenant_id: OWN }, status: 201 },
  'DELETE /v1/embed-tokens/:id': { url: `/v1/embed-tokens/${NOBODY}`, status: 404 },
};
