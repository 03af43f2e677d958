import type { Client, PlannedRequest } from './requests.ts';
import type { ServerDuration, ServerDurations } from './server-durations.ts';
import { Tally, type TallyCounts } from './tally.ts';

const DEFAULT_CONCURRENCY = 8;

/**
 * Sends exactly the given requests and returns what both sides saw: the clients' counts, and the durations that the
 * app's server spans measured (at least one for each request; more if the background load runs as well).
 */
export async function runScript(
  client: Client,
  durations: ServerDurations,
  requests: readonly PlannedRequest[],
  concurrency = DEFAULT_CONCURRENCY,
): Promise<{ readonly counts: TallyCounts; readonly durations: readonly ServerDuration[] }> {
  const tally = new Tally();
  const queue = requests.values();
  let answered = 0;
  durations.begin();
  const work = async () => {
    for (const request of queue) {
      const outcome = await client.send(request);
      tally.add(outcome);
      if (outcome.status !== 0) answered += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return { counts: tally.counts(), durations: await durations.take(answered) };
}
