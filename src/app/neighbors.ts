import { type PoolUseQuestion, readPoolUse, readServices } from '../aggregate/pool-use-reader.ts';
import { explainVerdict } from '../detect/blame/explain-blame.ts';
import { BLAME_DEFAULTS, PoolBlame, type Verdict } from '../detect/blame/pool-blame.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { MINUTE_MS, type Window } from '../domain/window.ts';

/** What can be said about one service in a window. */
export interface Neighborhood {
  readonly service: string | undefined;
  readonly services: readonly string[];
  /** One a minute in which tenants were hurt, oldest first, each with its explanation. */
  readonly verdicts: readonly (Verdict & { readonly reason: string })[];
}

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
      return { service: question.service, services, verdicts: await this.#verdicts(question.service, question.window) };
    }
    let found: Neighborhood = { service: services[0], services, verdicts: [] };
    for (const service of services.slice(0, MAX_LOOKED_AT)) {
      const verdicts = await this.#verdicts(service, question.window);
      if ((verdicts.at(-1)?.at ?? 0) > (found.verdicts.at(-1)?.at ?? 0)) found = { service, services, verdicts };
    }
    return found;
  }

  async #verdicts(service: string, window: Window): Promise<Neighborhood['verdicts']> {
    const asked: PoolUseQuestion = {
      service,
      window: { from: window.from - HISTORY_MS, to: window.to },
      newest: window,
    };
    const blame = new PoolBlame();
    return (await readPoolUse(this.#reader, asked)).flatMap(({ at, uses }) => {
      const verdict = blame.minute(at, uses);
      return verdict === undefined || at < window.from ? [] : [{ ...verdict, reason: explainVerdict(verdict) }];
    });
  }
}
