import { createHmac } from 'node:crypto';
import { trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTenantry, runAsTenant, type UserMarking } from '../../src/middleware/index.ts';
import { setUserMarking } from '../../src/middleware/user-mark.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const SECRET = 'a secret of the app, of some length';

let tracing: TestTracing;
beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
beforeEach(() => tracing.exporter.reset());
afterEach(() => setUserMarking('plain'));

async function marksOf(userId: string, marking?: UserMarking) {
  createTenantry({ serviceName: 'shop', flags: false, ...(marking === undefined ? {} : { userId: marking }) });
  runAsTenant({ tenantId: 'acme', userId }, () => {
    for (const name of ['one', 'two']) trace.getTracer('app').startSpan(name).end();
  });
  const [one, two] = await tracing.flush();
  expect(one?.attributes).toEqual(two?.attributes);
  return one?.attributes;
}

describe('the user of a tenant', () => {
  it('stands on spans as it is, by default', async () => {
    expect(await marksOf('u1')).toEqual({ tenant_id: 'acme', 'tenant_id.source': 'explicit', 'user.id': 'u1' });
  });

  it.each(['text', 'bytes'])(
    'stands there as a keyed hash when asked (secret as %s), and not as it is',
    async (form) => {
      const hmacSecret = form === 'text' ? SECRET : new TextEncoder().encode(SECRET);
      const marks = await marksOf('u1', { hmacSecret });
      const hash = createHmac('sha256', SECRET).update('u1').digest('hex');
      expect(marks).toEqual({ tenant_id: 'acme', 'tenant_id.source': 'explicit', 'user.hash': hash });
      expect(JSON.stringify(marks)).not.toContain('u1');
    },
  );

  it('does not stand there when not wanted', async () => {
    expect(await marksOf('u1', 'none')).toEqual({ tenant_id: 'acme', 'tenant_id.source': 'explicit' });
  });

  it.each(['', 'x'.repeat(256)])('is dropped when it is none', async (userId) => {
    expect(await marksOf(userId)).toEqual({ tenant_id: 'acme', 'tenant_id.source': 'explicit' });
  });

  it('is never hashed with a secret that could be guessed', () => {
    expect(() => createTenantry({ serviceName: 'shop', flags: false, userId: { hmacSecret: 'short' } })).toThrow(
      RangeError,
    );
  });
});
