import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { ApiContext } from './context.ts';
import { planRoutes } from './plans.ts';
import { quotaRoutes } from './quotas.ts';
import { burstRoutes } from './quotas-burst.ts';
import { signalRoutes } from './signals.ts';
import { placementRoutes } from './signals-placement.ts';

/** Everything about what customers may use for what they pay. */
export function salesRoutes(context: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.register(planRoutes(context));
    app.register(quotaRoutes(context));
    app.register(burstRoutes(context));
    app.register(signalRoutes(context));
    app.register(placementRoutes(context));
    done();
  };
}
