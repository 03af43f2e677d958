/** Wire types of the quarantine. */

export interface QuarantineItem {
  id: string;
  /** `refused` can be replayed; `corrupt` bytes only dropped. */
  kind: 'refused' | 'corrupt';
  signal: 'traces' | 'metrics';
  reason: string;
  bytes: number;
  quarantined_at: string | null;
  received_at: string | null;
  key_id: string | null;
  key_tenant: string | null;
}

export interface SetAsideItem {
  kind: 'spans' | 'data points';
  reason: string;
  service: string;
  key_id: string;
  count: number;
  first_at: string;
  last_at: string;
  example: string;
}

export interface QuarantineList {
  items: QuarantineItem[];
  total: number;
  /** Of the last seven days. */
  set_aside: SetAsideItem[];
}

export interface QuarantineDetail extends QuarantineItem {
  texts: string[];
}
