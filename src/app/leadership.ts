import { type Lease, tryLead } from '../store/postgres/lease.ts';
import type { Leadership } from './detector-loop.ts';

/** Leads as long as the database says so; tries to take over at each question while somebody else does. */
export class PostgresLeadership implements Leadership {
  readonly #url: string;
  readonly #name: string;
  #lease: Lease | undefined;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  /** As the last question was answered. */
  get leads(): boolean {
    return this.#lease !== undefined;
  }

  async isLeader(): Promise<boolean> {
    if (this.#lease !== undefined && (await this.#lease.isHeld())) return true;
    await this.#lease?.release();
    this.#lease = await tryLead(this.#url, this.#name);
    return this.#lease !== undefined;
  }

  async release(): Promise<void> {
    await this.#lease?.release();
    this.#lease = undefined;
  }
}
