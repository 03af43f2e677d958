import { setTimeout as delay } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;

/**
 * Looks again and again until `look` gives something other than undefined or false; that is the answer. For states of
 * other processes, which send no event. A look that throws (connection refused) counts as "not yet".
 * @throws Error that says what was waited for, and what the last look found wrong
 */
export async function until<Answer>(
  what: string,
  look: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  timeoutMs = 60_000,
): Promise<Answer> {
  const deadline = performance.now() + timeoutMs;
  let last = 'nothing yet';
  while (performance.now() < deadline) {
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) return answer;
      last = String(answer);
    } catch (error) {
      last = String(error);
    }
    await delay(LOOK_EVERY_MS);
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}; last look: ${last}`);
}
