/** A fastify app that obeys the flags of a Tenantry, in a process of its own. Arguments: the API's address, the key. */
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { tenantryFastify } from '../../src/middleware/fastify.ts';
import { createTenantry, fromHeader } from '../../src/middleware/index.ts';
import { serve } from './child-messages.ts';

const [apiUrl = '', key = ''] = process.argv.slice(2);
const tenantry = createTenantry({ serviceName: 'bench', apiUrl, key });
const app = fastify();
await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant')] });
app.get('/orders/:id', () => ({ ok: true }));
await app.listen({ port: 0, host: '127.0.0.1' });

serve(
  async (request) => (request === 'isReady' ? tenantry.flags.isReady : tenantry.stats()),
  async () => {
    await app.close();
    await tenantry.shutdown();
  },
);
process.send?.({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}` });
