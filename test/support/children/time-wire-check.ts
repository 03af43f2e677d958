import { checkRequest } from '../../../ingest/wire-check.ts';
import { tinyMessageBombs } from '../otlp-bombs.ts';

/**
 * Prints `{ "<kind>": milliseconds }`, the best of five refusals of each bomb. A process of its own, because the test
 * runner rewrites imports and makes the check many times slower than the built code that users run.
 */
const times = tinyMessageBombs().map(([name, bytes]) => {
  const runs = Array.from({ length: 5 }, () => {
    const started = performance.now();
    try {
      checkRequest('traces', bytes);
    } catch {
      return performance.now() - started;
    }
    return Number.POSITIVE_INFINITY;
  });
  return [name, Math.min(...runs)];
});
process.stdout.write(JSON.stringify(Object.fromEntries(times)));
