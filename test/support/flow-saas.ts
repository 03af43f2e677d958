/** The demo SaaS beside a Tenantry of the flow tests: a customer's app with a database of its own. */
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/store/postgres/embedded.ts';
import { type DemoProcess, startDemoProcess } from './demo-process.ts';
import { type FlowTenantry, flowFolder, INGEST_KEY } from './flow-tenantry.ts';
import { until } from './flow-waiting.ts';
import { silentLog } from './postgres.ts';
import { copyStoreTemplate } from './store-templates.ts';

export interface FlowSaas extends DemoProcess {
  /** Resolves when every span that has ended was acknowledged by ingest. */
  exported(): Promise<void>;
}

/**
 * The app on a Postgres that does not die with Tenantry; without background load.
 * @param seed of the tenants' habits
 */
export async function startSaas(
  tenantry: Pick<FlowTenantry, 'url' | 'otlpUrl'>,
  options: { readonly tenants: number; readonly seed?: number },
): Promise<FlowSaas> {
  const dataDir = join(flowFolder(), 'postgres');
  // Its tables are none of the demo's business: what is saved is initdb.
  copyStoreTemplate('postgres', dataDir);
  const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog });
  try {
    const demo = await startDemoProcess({
      otlp: tenantry.otlpUrl,
      api: tenantry.url,
      key: INGEST_KEY,
      databaseUrl: postgres.ownerUrl,
      options: { tenants: options.tenants, seed: options.seed ?? 1, rate: 0 },
    });
    return {
      ...demo,
      exported: async () => {
        await until('all spans to be exported', async () => {
          const { spans_ended: ended, spans_exported: exported } = (await demo.stats()).middleware;
          return ended === exported;
        });
      },
      stop: async () => {
        const status = await demo.stop();
        await postgres.stop();
        return status;
      },
    };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
