/** Wire types of `/v1/events`; part of `contract.ts`. */

/** CloudEvents 1.0 in its JSON form. Attributes that are not named here are taken and not kept. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  /** The tenant. */
  subject: string;
  /** RFC 3339; absent: when it is taken in. */
  time?: string | null;
  data?: Record<string, unknown> | null;
}
