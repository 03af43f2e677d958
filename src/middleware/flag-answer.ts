/**
 * What the server answers to a call of the flag client. Apart from the client that makes it: the app sees this type, and
 * an app in TypeScript need not have the types of node.
 */
export interface FlagAnswer {
  readonly status: number;
  readonly etag: string | undefined;
  /** Milliseconds that the server asks to wait; 0: it does not. */
  readonly retryAfterMs: number;
  readonly text: string;
}
