/**
 * An app's instance: makes many AI calls at once through the real middleware, against a simulated provider that writes
 * what it charges to a file the moment it charges it, so that the truth outlives the kill of this process.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SpendBlockedError } from '../../../src/middleware/spend-call.ts';
import { createTenantry } from '../../../src/middleware/tenantry.ts';

const [apiUrl = '', key = '', tenantId = '', calls = '0', ledger = ''] = process.argv.slice(2);
const estimate = { inputTokens: 100, maxOutputTokens: 100 };
const tenantry = createTenantry({
  serviceName: 'fleet',
  apiUrl,
  key,
  spend: { timeoutMs: 5_000, beforeFirstAnswer: 'closed' },
});
let refused = 0;

async function call(): Promise<void> {
  try {
    await tenantry.spend.run({ tenantId, provider: 'openai', model: 'gpt-4o', estimate }, async () => {
      // The provider charges some time before its answer arrives; a kill in between loses the settlement.
      await delay(20 + Math.random() * 100);
      const output = 10 + Math.floor(Math.random() * 91);
      appendFileSync(ledger, `${100 * 2.5 + output * 10}\n`);
      await delay(20 + Math.random() * 200);
      return { usage: { prompt_tokens: 100, completion_tokens: output } };
    });
  } catch (error) {
    if (!(error instanceof SpendBlockedError)) throw error;
    refused += 1;
    // An app that is refused comes back later, as its users do.
    await delay(Math.random() * 1_500);
  }
}

const worker = async (share: number) => {
  for (let made = 0; made < share; made += 1) await call();
};
process.stdout.write('started\n');
const CONCURRENT = 334;
await Promise.all(Array.from({ length: CONCURRENT }, () => worker(Math.ceil(Number(calls) / CONCURRENT))));
await tenantry.shutdown();
process.stdout.write(`${JSON.stringify({ refused, stats: tenantry.stats() })}\n`);
