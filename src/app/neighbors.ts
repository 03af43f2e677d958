import { type PoolUseQuestion, readPoolUse, readServices } from '../aggregate/pool-use-reader.ts';
import { explainVerdict } from '../detect/blame/explain-blame.ts';
import { BLAME_DEFAULTS, PoolBlame, type Verdict } from '../detect/blame/pool-blame.ts';
import { type PoolStanding, poolStanding } from '../detect/blame/pool-standing.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { MINUTE_MS, type Window } from '../domain/window.ts';

/** What can be said about one service in a window. */
export interface Neighborhood {
  readonly service: string | undefined;
  readonly services: readonly string[];
  /** One a minute in which tenants were hurt, oldest first, each with its explanation. */
  readonly verdicts: readonly (Verdict & { readonly reason: string })[];
  /** Who used how much in the minute of the last verdict, or in the newest one; undefined: nobody used it. */
  readonly load: (PoolStanding & { readonly at: number }) | undefined;
}

type Look = Pick<Neighborhood, 'verdicts' | 'load'>;

/** Before the window, so that its first minutes have a usual to be compared with. */
const HISTORY_MS = (BLAME_DEFAULTS.baseline.historyMinutes + BLAME_DEFAULTS.baseline.lagMinutes) * MINUTE_MS;
/** Without a service the busiest are looked at in turn; more would take seconds. */
const MAX_LOOKED_AT = 5;

/** Who hurts whom, worked out from the minute rollups anew at every question: the same window gives the same answer. */
export class Neighbors {
  readonly #reader: AnalyticsReader;

  constructor(reader: AnalyticsReader) {
    this.#reader = reader;
  }

  /** Of one service; without one, of that among the busiest in which tenants were hurt last. */
  async look(question: { readonly service: string | undefined; readonly window: Window }): Promise<Neighborhood> {
    const services = await readServices(this.#reader, question.window);
    if (question.service !== undefined) {
      return { service: question.service, services, ...(await this.#at(question.service, question.window)) };
    }
    let found: Neighborhood = { service: undefined, services, verdicts: [], load: undefined };
    for (const service of services.slice(0, MAX_LOOKED_AT)) {
      const look = await this.#at(service, question.window);
      const isLater = (look.verdicts.at(-1)?.at ?? 0) > (found.verdicts.at(-1)?.at ?? 0);
      if (isLater || found.service === undefined) found = { service, services, ...look };
    }
    return found;
  }

  async #at(service: string, window: Window): Promise<Look> {
    const asked: PoolUseQuestion = {
      service,
      window: { from: window.from - HISTORY_MS, to: window.to },
      newest: window,
    };
    const blame = new PoolBlame();
    const verdicts: (Verdict & { readonly reason: string })[] = [];
    let load: Look['load'];
    let newest: number | undefined;
    for (const { at, uses } of await readPoolUse(this.#reader, asked)) {
      const verdict = blame.minute(at, uses);
      if (at < window.from) continue;
      newest = at;
      if (verdict === undefined) continue;
      verdicts.push({ ...verdict, reason: explainVerdict(verdict) });
      load = { at, ...poolStanding(blame.tenants()) };
    }
    if (load === undefined && newest !== undefined) load = { at: newest, ...poolStanding(blame.tenants()) };
    return { verdicts, load };
  }
}
