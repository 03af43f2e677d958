/** A server of the spend API alone, on the real books in the database given. Tells its port, and runs until it is killed. */
import { createApi } from '../../../src/api/server.ts';
import { spendRates } from '../../../src/app/spend-rates.ts';
import { zoneOrUtc } from '../../../src/app/spend-standing.ts';
import { SpendDesk } from '../../../src/control/spend-desk.ts';
import { Postgres } from '../../../src/store/postgres/postgres.ts';
import { SpendBook } from '../../../src/store/postgres/spend-book.ts';
import { createMemoryPorts } from '../api-ports.ts';
import { silentLog } from '../postgres.ts';
import { testBook } from '../price-books.ts';

const [url = '', port = '0', key = ''] = process.argv.slice(2);
const prices = testBook();
const book = new SpendBook(new Postgres({ url, log: silentLog }));
const app = createApi({
  ports: {
    ...createMemoryPorts(Date.now),
    spend: new SpendDesk(book, { zone: zoneOrUtc, rates: spendRates({ current: () => prices }) }),
    keys: {
      verify: async (given: string) =>
        given === key ? { keyId: 'fleet', scopes: ['flags'] as const, tenantId: undefined } : undefined,
    },
  },
  auth: { adminToken: 'admin-token-of-the-tests', issuer: undefined, jwt: undefined },
  log: silentLog,
  version: '0.0.0',
});
const address = await app.listen({ host: '127.0.0.1', port: Number(port) });
process.stdout.write(`${new URL(address).port}\n`);
