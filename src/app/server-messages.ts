import type { StaffRole } from '../domain/roles.ts';
import type { Explanation } from './explain-error.ts';

/** What the server process tells its supervisor. */
export interface ServerReady {
  readonly type: 'ready';
  readonly url: string;
  readonly apiPort: number;
  readonly signIn: readonly { readonly role: StaffRole; readonly link: string }[];
  readonly demoDatabaseUrl?: string;
}

export interface ServerFailed extends Explanation {
  readonly type: 'failed';
}
