import type { Tenantry } from 'tenantry';
import { DemoDatabase } from './database.ts';
import { LoadGenerator } from './load.ts';
import type { DemoTenantInfo } from './messages.ts';
import { type OutsideWorld, startOutsideWorld } from './outside-world.ts';
import { seededRandom } from './random.ts';
import { Client, type PlannedRequest } from './requests.ts';
import { Saas } from './saas.ts';
import { runScript } from './script.ts';
import type { ServerDurations } from './server-durations.ts';
import type { DemoSettings } from './settings.ts';
import { type DemoTenant, MODELS, makeTenants } from './tenants.ts';

interface Running {
  readonly world: OutsideWorld;
  readonly client: Client;
  readonly generator: LoadGenerator;
  readonly cleaning: NodeJS.Timeout;
}

const CLEAN_EVERY_MS = 60_000;

/** The app, the world around it and the load on it. */
export class Demo {
  readonly #settings: DemoSettings;
  readonly #tenantry: Tenantry;
  readonly #durations: ServerDurations;
  readonly #ports: { app: number; outside: number };
  readonly #tenants: readonly DemoTenant[];
  readonly #database: DemoDatabase;
  #saas: Saas | undefined;
  #running: Running | undefined;

  /** @param ports filled in by `start`, so that the instrumentation set up before knows whose traffic is whose */
  constructor(
    settings: DemoSettings,
    tenantry: Tenantry,
    durations: ServerDurations,
    ports: { app: number; outside: number },
  ) {
    this.#settings = settings;
    this.#tenantry = tenantry;
    this.#durations = durations;
    this.#ports = ports;
    this.#tenants = makeTenants(settings.tenants, settings.seed);
    this.#database = new DemoDatabase(settings.databaseUrl);
  }

  async start(): Promise<{ readonly port: number; readonly tenants: readonly DemoTenantInfo[] }> {
    const random = seededRandom(this.#settings.seed);
    const reasoning = new Set(MODELS.filter((model) => model.reasons).map((model) => model.name));
    const world = await startOutsideWorld(reasoning, random);
    this.#ports.outside = world.port;
    this.#saas = new Saas({
      tenantry: this.#tenantry,
      database: this.#database,
      tenants: this.#tenants,
      outsidePort: world.port,
    });
    const port = await this.#saas.start(this.#settings.port);
    this.#ports.app = port;
    const client = new Client(port, this.#tenants);
    const generator = new LoadGenerator(client, this.#tenants, this.#settings, random);
    const cleaning = setInterval(() => void this.#database.deleteOldComments().catch(() => undefined), CLEAN_EVERY_MS);
    this.#running = { world, client, generator, cleaning };
    generator.start();
    return { port, tenants: this.#tenants.map(({ id, name, plan, noisy }) => ({ id, name, plan, noisy })) };
  }

  run(requests: readonly PlannedRequest[], concurrency: number | undefined) {
    return runScript(this.#mustRun().client, this.#durations, requests, concurrency);
  }

  load(on: boolean): void {
    if (on) this.#mustRun().generator.start();
    else this.#mustRun().generator.stop();
  }

  stats() {
    return { load: this.#mustRun().generator.counts(), middleware: this.#tenantry.stats() };
  }

  async stop(): Promise<void> {
    this.#running?.generator.stop();
    clearInterval(this.#running?.cleaning);
    this.#running?.client.close();
    await this.#saas?.app.close();
    await this.#running?.world.close();
    await this.#database.close();
  }

  #mustRun(): Running {
    if (this.#running === undefined) throw new Error('The demo is not running yet');
    return this.#running;
  }
}
