/**
 * Where tenants' data lies and how to ask. A secret is named by where it is kept, `env:NAME` or `file:/path`; what it is
 * stands nowhere in Tenantry's stores.
 */
export type SecretRef = `env:${string}` | `file:${string}`;

export interface PostgresTarget {
  readonly kind: 'postgres';
  /** Holds the connection string. */
  readonly urlRef: SecretRef;
  readonly tenantColumns: readonly string[];
  /** `schema.table` or `schema.*`. */
  readonly exclude: readonly string[];
  /** Part of all pages that a run may ask for. */
  readonly pageShare: number;
  /** Between two statements. */
  readonly pauseMs: number;
}

interface ClickHouseTarget {
  readonly kind: 'clickhouse';
  /** Null: Tenantry's own store. */
  readonly server: {
    readonly url: string;
    readonly user: string;
    readonly passwordRef: SecretRef | null;
  } | null;
  readonly tenantColumns: readonly string[];
  /** `database.table` or `database.*`. */
  readonly exclude: readonly string[];
}

export interface S3Target {
  readonly kind: 's3';
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Whether the bucket stands in the path or in front of the host. */
  readonly pathStyle: boolean;
  /** How a key begins, with `{tenant_id}` once as a whole or a part of a segment: `tenants/{tenant_id}/`. */
  readonly pattern: string;
  readonly accessKeyRef: SecretRef;
  readonly secretKeyRef: SecretRef;
  /** Count versions that are not the newest, too. */
  readonly versions: boolean;
  /** Count parts of uploads that were never completed, too. */
  readonly uploads: boolean;
}

export interface QdrantTarget {
  readonly kind: 'qdrant';
  readonly url: string;
  readonly apiKeyRef: SecretRef | null;
  /** Empty: all. */
  readonly collections: readonly string[];
  /** Payload key that holds the tenant. */
  readonly tenantKey: string;
  /** What a point's payload takes, for the estimate. */
  readonly payloadBytes: number;
}

export interface PineconeTarget {
  readonly kind: 'pinecone';
  /** Host of the index, as its description tells. */
  readonly url: string;
  readonly apiKeyRef: SecretRef;
  /** Name of a namespace with `{tenant_id}` in it. */
  readonly pattern: string;
  readonly metadataBytes: number;
}

export interface WeaviateTarget {
  readonly kind: 'weaviate';
  readonly url: string;
  readonly apiKeyRef: SecretRef | null;
  /** Empty: all that are multi-tenant. */
  readonly collections: readonly string[];
  readonly dimensions: number;
  /** What an object's properties take, for the estimate. */
  readonly objectBytes: number;
}

export type StorageTargetSettings =
  | PostgresTarget
  | ClickHouseTarget
  | S3Target
  | QdrantTarget
  | PineconeTarget
  | WeaviateTarget;

export interface NewStorageTarget {
  /** Names the store in every answer. */
  readonly name: string;
  readonly intervalSeconds: number;
  readonly settings: StorageTargetSettings;
}

/** Times are Unix ms. */
export interface StorageTarget extends NewStorageTarget {
  readonly id: string;
  readonly createdBy: string;
  readonly createdAt: number;
  /** Set: somebody wants it measured before its time. */
  readonly askedAt: number | null;
}

export interface StorageProgress {
  readonly stepsDone: number;
  /** Null: nobody knows before the end. */
  readonly stepsTotal: number | null;
  readonly read: number;
  /** Of how many there are; null: not known. */
  readonly of: number | null;
  readonly unit: 'pages' | 'rows' | 'keys' | 'answers';
}

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** Times are Unix ms. */
export interface StorageRun {
  readonly id: string;
  readonly targetId: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly attempts: number;
  readonly retryAt: number | null;
  readonly progress: StorageProgress | null;
  readonly skipped: readonly Skipped[];
  readonly error: string | null;
}
