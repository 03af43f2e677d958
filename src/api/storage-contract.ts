/** Wire types of `/v1/storage`; part of `contract.ts`. */
type StoreKindName = 'postgres' | 'vector' | 'clickhouse' | 's3' | 'qdrant' | 'pinecone' | 'weaviate' | 'pushed';

export interface StorageItem {
  tenant_id: string;
  store: string;
  kind: StoreKindName | null;
  /** The last value before the end of the window. */
  bytes: number;
  /** Standard error of `bytes`; null: nobody can say. */
  error_bytes: number | null;
  objects: number | null;
  method: string;
  measured_at: string | null;
  /** Whole byte-hours within the window; a text, as it may be larger than a double is exact. */
  byte_hours: string;
  /** Part of the window of which anything is known. */
  covered_share: number;
}

export interface StorageList {
  items: StorageItem[];
  next_cursor: string | null;
  total: number;
  from: string;
  to: string;
}

export interface StorageTargetItem {
  id: string;
  name: string;
  kind: 'postgres' | 'clickhouse' | 's3' | 'qdrant' | 'pinecone' | 'weaviate';
  /** As they were given; secrets are references. */
  settings: Record<string, unknown>;
  interval_seconds: number;
  created_by: string;
  created_at: string;
  run: {
    id: string;
    state: 'running' | 'done' | 'failed';
    started_at: string;
    ended_at: string | null;
    attempts: number;
    retry_at: string | null;
    progress: {
      steps_done: number;
      steps_total: number | null;
      read: number;
      of: number | null;
      unit: 'pages' | 'rows' | 'keys' | 'answers';
    } | null;
    skipped: { name: string; reason: string }[];
    error: string | null;
  } | null;
}

export interface StorageTargetList {
  items: StorageTargetItem[];
}
