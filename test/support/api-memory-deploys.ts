import { randomUUID } from 'node:crypto';
import type { Deploys } from '../../src/api/deploys-ports.ts';
import type { Deploy, NewDeploy } from '../../src/domain/deploy.ts';

/** Deploys in memory, known by service, version and a time that was given; the clock of these tests stands still. */
export class MemoryDeploys implements Deploys {
  readonly items: Deploy[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async mark(actor: { readonly subject: string }, { service, version, at, note, url }: NewDeploy) {
    const moment = at ?? this.#now();
    const known = this.items.find((one) => one.service === service && one.version === version && one.at === at);
    if (known !== undefined) return { deploy: known, isNew: false };
    const made = { id: randomUUID(), service, version, at: moment, note, url };
    const deploy = { ...made, createdBy: actor.subject, createdAt: this.#now() };
    this.items.unshift(deploy);
    return { deploy, isNew: true };
  }

  async list(_actor: unknown, { window, service, limit }: Parameters<Deploys['list']>[1]): Promise<readonly Deploy[]> {
    return this.items
      .filter((one) => one.at >= window.from && one.at < window.to)
      .filter((one) => service === undefined || one.service === service)
      .slice(0, limit);
  }
}
