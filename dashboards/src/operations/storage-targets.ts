/** What each kind of storage target is asked for, and its settings as a request. */
import type { StorageTargetItem } from '../../../src/api/storage-contract.ts';

export type TargetKind = StorageTargetItem['kind'];

export const TARGET_KINDS: readonly (readonly [TargetKind, string])[] = [
  ['postgres', 'PostgreSQL, with pgvector'],
  ['clickhouse', 'ClickHouse'],
  ['s3', 'S3 and compatible'],
  ['qdrant', 'Qdrant'],
  ['pinecone', 'Pinecone'],
  ['weaviate', 'Weaviate'],
];

interface TargetField {
  readonly name: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly hint?: string;
  /** Of a list: by commas. Of a number: as JSON. */
  readonly type?: 'list' | 'number';
}

const SECRET = 'Where the secret is kept: env:NAME or file:/path. Never the secret itself.';
const ADDRESS: TargetField = { name: 'url', label: 'Address', placeholder: 'https://vectors.example.com' };
const API_KEY: TargetField = { name: 'api_key_ref', label: 'API key', placeholder: 'env:VECTORS_KEY', hint: SECRET };
const COLUMNS: TargetField = {
  name: 'tenant_columns',
  label: 'Tenant columns',
  placeholder: 'tenant_id',
  hint: 'By commas',
  type: 'list',
};

/** What is left empty is what the server takes for granted. */
export const TARGET_FIELDS: Readonly<Record<TargetKind, readonly TargetField[]>> = {
  postgres: [
    { name: 'url_ref', label: 'Connection string', placeholder: 'env:SHOP_DATABASE_URL', hint: SECRET },
    COLUMNS,
    { name: 'exclude', label: 'Leave out', placeholder: 'audit.*', hint: 'By commas', type: 'list' },
  ],
  clickhouse: [
    { name: 'url', label: 'Address', placeholder: 'Tenantry’s own store' },
    { name: 'user', label: 'User', placeholder: 'default' },
    { name: 'password_ref', label: 'Password', placeholder: 'env:CLICKHOUSE_PASSWORD', hint: SECRET },
    COLUMNS,
  ],
  s3: [
    { name: 'endpoint', label: 'Endpoint', placeholder: 'https://s3.eu-central-1.amazonaws.com' },
    { name: 'bucket', label: 'Bucket' },
    { name: 'region', label: 'Region', placeholder: 'us-east-1' },
    { name: 'pattern', label: 'How keys begin', placeholder: 'tenants/{tenant_id}/' },
    { name: 'access_key_ref', label: 'Access key', placeholder: 'env:S3_ACCESS_KEY', hint: SECRET },
    { name: 'secret_key_ref', label: 'Secret key', placeholder: 'env:S3_SECRET_KEY', hint: SECRET },
  ],
  qdrant: [ADDRESS, API_KEY, { name: 'tenant_key', label: 'Tenant’s key in the payload', placeholder: 'tenant_id' }],
  pinecone: [
    { ...ADDRESS, label: 'Host of the index' },
    API_KEY,
    { name: 'pattern', label: 'Name of a namespace', placeholder: '{tenant_id}' },
  ],
  weaviate: [
    ADDRESS,
    API_KEY,
    { name: 'dimensions', label: 'Dimensions of a vector', placeholder: '1536', type: 'number' },
  ],
};

function readField({ type }: TargetField, text: string): unknown {
  if (type === 'list') return text.split(',').map((part) => part.trim());
  return type === 'number' ? Number(text) : text;
}

/** `typed`: texts by the names of the fields. */
export function settingsOf(kind: TargetKind, typed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given = TARGET_FIELDS[kind].flatMap((field) => {
    const text = String(typed[field.name] ?? '').trim();
    return text === '' ? [] : [[field.name, readField(field, text)] as const];
  });
  const { url, user, password_ref, ...rest } = Object.fromEntries(given);
  if (kind !== 'clickhouse') return Object.fromEntries(given);
  const server = {
    url,
    ...(user === undefined ? {} : { user }),
    ...(password_ref === undefined ? {} : { password_ref }),
  };
  return url === undefined ? rest : { ...rest, server };
}

/** "412 of 980 pages, step 2 of 7" */
export function progressText(progress: NonNullable<NonNullable<StorageTargetItem['run']>['progress']>): string {
  const { read, of, unit, steps_done: done, steps_total: total } = progress;
  const amount =
    of === null
      ? `${read.toLocaleString('en-US')} ${unit}`
      : `${read.toLocaleString('en-US')} of ${of.toLocaleString('en-US')} ${unit}`;
  return total === null ? `${amount}, ${done} steps done` : `${amount}, ${done} of ${total} steps done`;
}
