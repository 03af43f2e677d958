import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { alertStore } from '../../src/app/alert-desk.ts';
import { AlertDispatcher, type AlertDispatcherOptions } from '../../src/app/alert-dispatcher.ts';
import { addressGuard } from '../../src/app/alert-senders/address-guard.ts';
import { sender } from '../../src/app/alert-senders/send.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { NewAlertRoute } from '../../src/domain/alert.ts';
import { AlertOutbox } from '../../src/store/postgres/alert-outbox.ts';
import { AlertRouteStore } from '../../src/store/postgres/alert-route-store.ts';
import { newRouteOf, type Receiver, startReceiver, testVault } from './alert-samples.ts';
import { silentLog, startTestPostgres, type TestPostgres } from './postgres.ts';

export const SRE: StaffActor = { kind: 'staff', subject: 'sam', role: 'sre' };
export const SECRET = `whsec_${'A'.repeat(32)}`;
export const linkOf = ({ link }: { link: string }) => `https://tenantry.example${link}`;
export const send = sender({ guard: addressGuard(['127.0.0.1/32']) });

export let database: TestPostgres;
export let receiver: Receiver;

/** Real stores for the file, and for each of its tests a receiver of its own and no alert or route from before. */
export function useAlertWorld(): void {
  beforeAll(async () => {
    database = await startTestPostgres();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await receiver.close();
    await sql('delete from tenantry.alerts');
    await sql('delete from tenantry.alert_routes');
  });
}

export function sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
  return database.postgres.inStaffTransaction(SRE, async (transaction) => {
    transaction.unaudited('a test');
    return transaction.query<Row>(text, [...values]);
  });
}

export const routes = () => new AlertRouteStore(database.postgres, testVault);
export const alerts = () => alertStore(database.postgres);

export function dispatcher(more: Partial<AlertDispatcherOptions> = {}): AlertDispatcher {
  const outbox = new AlertOutbox(database.postgres);
  return new AlertDispatcher({ outbox, routes: routes(), send, linkOf, log: silentLog, chance: () => 0, ...more });
}

export const webhook = (path = '/'): NewAlertRoute['target'] => ({
  ...{ channel: 'webhook', url: `${receiver.url}${path}`, signingSecret: SECRET },
});
export const addRoute = (changes: Partial<NewAlertRoute> = {}) =>
  routes().create(SRE, newRouteOf({ name: randomUUID(), target: webhook(), ...changes }));
export const passTime = () =>
  sql(`update tenantry.alert_notices set due_at = now() - interval '1 second', leased_until = null
                            where state = 'waiting'`);
