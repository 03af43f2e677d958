import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { attributionRoutes } from './attribution.ts';
import { auditRoutes } from './audit.ts';
import { backupRoutes } from './backups.ts';
import type { ApiContext } from './context.ts';
import { detectorRunRoutes } from './detector-runs.ts';
import { ingestHealthRoutes } from './ingest-health.ts';
import { quarantineRoutes } from './quarantine.ts';
import { setupRoutes } from './setup.ts';

/** Everything that whoever runs Tenantry asks about Tenantry itself. */
export function telemetryRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(auditRoutes(context));
    app.register(ingestHealthRoutes(context));
    app.register(quarantineRoutes(context));
    app.register(backupRoutes(context));
    app.register(attributionRoutes(context));
    app.register(detectorRunRoutes(context));
    app.register(setupRoutes(context));
    done();
  };
}
