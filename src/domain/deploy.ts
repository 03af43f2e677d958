/** A version of a service that went out. Times are Unix ms. */
export interface Deploy {
  readonly id: string;
  readonly service: string;
  readonly version: string;
  readonly at: number;
  readonly note: string | null;
  readonly url: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
}

export interface NewDeploy {
  readonly service: string;
  readonly version: string;
  /** null: now. */
  readonly at: number | null;
  readonly note: string | null;
  readonly url: string | null;
  /** The same key again is the same deploy. */
  readonly idempotencyKey: string | null;
}
