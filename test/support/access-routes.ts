/** Requests to every route of /openapi.json, about any tenant, and what they are answered on real stores. */
import { PERMISSIONS } from '../../src/api/permissions.ts';
import type { AccessRequest } from './access-client.ts';
import { GOOD_REQUESTS, type Row } from './api-good-requests.ts';
import { OWN } from './api-harness.ts';

/** Where a request names the tenant that it is about. */
export type Place = 'path' | 'query' | 'body' | 'none';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: unknown;
}

export interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> };
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

/** Rows of the permission table with their operations; only pages and their files are no part of the API. */
export function operationsOf(document: OpenApi): Map<string, Operation> {
  return new Map(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, operation]) =>
          [`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, operation] as const,
      ),
    ),
  );
}

/** They take tenants out of work, or callers: asked when nothing more is asked about those, each pair in this order. */
const LAST: readonly Row[] = [
  'POST /v1/tenants/:id/suspend',
  'POST /v1/tenants/:id/resume',
  'POST /v1/tenants/:id/close',
  'POST /v1/tenants/:id/reopen',
  'POST /v1/deletion-requests',
  'POST /v1/session/end',
];

export const API_ROWS: readonly Row[] = (Object.keys(PERMISSIONS) as Row[])
  .filter((row) => row !== 'GET /*')
  .toSorted((a, b) => LAST.indexOf(a) - LAST.indexOf(b));

const NAMES_OF_TENANT = ['tenant_id', 'targetingKey', 'subject'];
const OWN_WORD = new RegExp(`\\b${OWN}\\b`, 'g');

/** Fields of the schema that name a tenant, also of objects inside it. */
function schemaNamesTenant(schema: unknown, document: OpenApi, seen = new Set<unknown>()): boolean {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return false;
  seen.add(schema);
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '');
    return schemaNamesTenant(document.components.schemas[name], document, seen);
  }
  const fields = 'properties' in schema ? Object.keys(schema.properties ?? {}) : [];
  if (fields.some((name) => NAMES_OF_TENANT.includes(name))) return true;
  return Object.values(schema).some((inner) => schemaNamesTenant(inner, document, seen));
}

/** Everywhere that the description lets a caller name a tenant. */
export function placesIn(row: string, operation: Operation, document: OpenApi): Place[] {
  const parameters = operation.parameters ?? [];
  const named = (place: string) => parameters.some((one) => one.in === place && NAMES_OF_TENANT.includes(one.name));
  const body = Object.values(operation.requestBody?.content ?? {});
  return [
    ...(named('path') || row.includes(' /v1/tenants/:id') ? ['path' as const] : []),
    ...(named('query') ? ['query' as const] : []),
    ...(body.some(({ schema }) => schemaNamesTenant(schema, document)) ? ['body' as const] : []),
  ];
}

const KNOWN_PEAK = { tenant_id: OWN };

/** Where GOOD_REQUESTS names no tenant and a request can: fields beside, or another address. */
const ABOUT_A_TENANT: Readonly<Partial<Record<Row, { readonly url?: string; readonly fields?: object }>>> = {
  'POST /v1/sign-in-links': { fields: { role: 'viewer', tenant_id: OWN } },
  'POST /v1/keys': { fields: { tenant_id: OWN } },
  'POST /v1/tenants': { fields: { tenant_id: OWN } },
  'DELETE /v1/scim': { url: `/v1/scim?tenant_id=${OWN}` },
  'DELETE /v1/legal-holds/:tenant_id': { url: `/v1/legal-holds/${OWN}` },
  'DELETE /v1/control/allow-list/:tenant_id': { url: `/v1/control/allow-list/${OWN}` },
  'DELETE /v1/control/tenant-stages/:tenant_id': { url: `/v1/control/tenant-stages/${OWN}` },
  'POST /v1/control/known-peaks': { fields: KNOWN_PEAK },
  'PUT /v1/control/known-peaks/:id': { fields: KNOWN_PEAK },
  'POST /v1/report-schedules': { fields: { tenant_id: OWN } },
  'POST /v1/breakers/reports': {
    fields: {
      breakers: [
        {
          ...{ tenant_id: OWN, integration: 'stripe', state: 'open', since_ms: 5_000 },
          ...{ calls: 9, failures: 9, openings: [] },
        },
      ],
    },
  },
};

/** Documents of the operator's in which tenants are data; the rows are the staff's alone. */
export const TENANTS_ARE_DATA: readonly Row[] = [
  'POST /v1/backtests',
  'PUT /v1/allocation-rules',
  'POST /v1/allocation-rules/preview',
  'POST /v1/deletion-certificates/:id/verify',
];

/** The good request of a row; a filter by tenant that the description offers is used. */
function sampleOf(row: Row, operation: Operation): { readonly url: string; readonly payload?: object } {
  const good = GOOD_REQUESTS[row];
  const { url = good.url, fields } = ABOUT_A_TENANT[row] ?? {};
  const payload = fields === undefined ? good.payload : { ...good.payload, ...fields };
  const takesTenant = operation.parameters?.some((one) => one.in === 'query' && one.name === 'tenant_id') ?? false;
  const filtered =
    takesTenant && !url.includes('tenant_id=') ? `${url}${url.includes('?') ? '&' : '?'}tenant_id=${OWN}` : url;
  return payload === undefined ? { url: filtered } : { url: filtered, payload };
}

/** Where the request of `requestTo` names its tenant: all places that can. */
export function placesUsed(row: Row, operation: Operation): Place[] {
  const { url, payload } = sampleOf(row, operation);
  const [path = '', query = ''] = url.split('?');
  const has = (text: string) => text.match(OWN_WORD) !== null;
  return [
    ...(has(path) ? ['path' as const] : []),
    ...(has(query) ? ['query' as const] : []),
    ...(has(JSON.stringify(payload ?? null)) ? ['body' as const] : []),
  ];
}

function withoutOwn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwn);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== OWN);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutOwn(inner)]));
}

/** The request of a row about `tenant`; undefined: it names none. A path cannot but name one. */
export function requestTo(row: Row, operation: Operation, tenant: string | undefined): AccessRequest {
  const [method = ''] = row.split(' ');
  const { url, payload } = sampleOf(row, operation);
  if (tenant !== undefined) {
    const text = payload === undefined ? undefined : JSON.stringify(payload).replaceAll(OWN_WORD, tenant);
    return {
      ...{ method, url: url.replaceAll(OWN_WORD, encodeURIComponent(tenant)) },
      ...(text === undefined ? {} : { payload: JSON.parse(text) }),
    };
  }
  const [path = '', query = ''] = url.split('?');
  const kept = [...new URLSearchParams(query)].filter(([, value]) => value !== OWN);
  const rest = kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`;
  return { method, url: `${path}${rest}`, ...(payload === undefined ? {} : { payload: withoutOwn(payload) }) };
}
