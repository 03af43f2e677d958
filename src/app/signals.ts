import type { Logger } from 'pino';
import { judgeSignals } from '../cost/signal-judge.ts';
import { toError } from '../domain/errors.ts';
import type { SignalKind, SignalObservation } from '../domain/signal.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { SignalStore } from '../store/postgres/signal-store.ts';
import type { SignalSource } from './signal-sources.ts';

export interface SignalLoopOptions {
  readonly leadership: { isLeader(): Promise<boolean> };
  readonly sources: readonly SignalSource[];
  readonly store: Pick<SignalStore, 'state' | 'apply'>;
  readonly log: Logger;
}

/** Judges what signals are made from, again and again; the state between two runs is in the store. */
export class SignalLoop {
  readonly #options: SignalLoopOptions;

  constructor(options: SignalLoopOptions) {
    this.#options = options;
  }

  /** One evaluation at `now` (Unix ms). A source that fails leaves its signals as they are. */
  async tick(now: number): Promise<void> {
    const { leadership, sources, store, log } = this.#options;
    if (!(await leadership.isLeader())) return;
    const observations: SignalObservation[] = [];
    const evaluated = new Set<SignalKind>();
    for (const source of sources) {
      try {
        const found = await source.observe(now);
        observations.push(...found.filter(({ tenantId }) => isTenantId(tenantId)));
        for (const kind of source.kinds) evaluated.add(kind);
      } catch (thrown) {
        log.warn({ err: toError(thrown), source: source.name }, 'signals of this source stay as they are');
      }
    }
    await store.apply(judgeSignals(await store.state(), observations, evaluated, now), now);
  }
}
