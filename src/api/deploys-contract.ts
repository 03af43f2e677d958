/** Wire types of `/v1/deploys`; part of `contract.ts`. Times are RFC 3339. */
export interface DeployItem {
  id: string;
  service: string;
  version: string;
  at: string;
  note: string | null;
  url: string | null;
  created_by: string;
  created_at: string;
}

export interface DeployList {
  items: DeployItem[];
}

export interface NewDeploy {
  service: string;
  version: string;
  /** Absent: now. */
  at?: string;
  note?: string;
  /** http or https: where people read more. */
  url?: string;
  /** The same key again is the same deploy. Without one, service, version and time are what it is known by. */
  idempotency_key?: string;
}
