/** What to do so that the telemetry of a service names its tenant. Pure. */
import type { ServiceAttributionItem } from '../../../src/api/attribution-contract.ts';

const SOURCE_WORDS: Readonly<Record<string, string>> = {
  ...{ jwt: 'a token', api_key: 'an API key', header: 'a header', subdomain: 'the subdomain', path: 'the path' },
  ...{ resolver: 'code of the app', baggage: 'the calling service', message: 'a queued message' },
  ...{ explicit: 'code of the app', trace: 'its trace' },
};

/** How a tenant was found, in words. null: nothing says how. */
export function sourceText(source: string | null): string {
  return source === null ? 'nothing said' : (SOURCE_WORDS[source] ?? source);
}

/** Below this the figures of tenants are too low to go by. */
export const LOW_SHARE = 0.9;

/** One sentence about what helps; null: nothing needs to be done. */
export function attributionAdvice({
  share,
  sources,
  routes_without_tenant: routes,
}: ServiceAttributionItem): string | null {
  if (share >= 0.995) return null;
  const usesMiddleware = sources.some(({ source }) => source !== null);
  if (share === 0 && !usesMiddleware) {
    return 'No span names a tenant. Add the library to the app, or set the attribute tenant_id where a request is known to be of a tenant.';
  }
  if (!usesMiddleware) {
    return 'The attribute is set by hand on some spans only. Put it into baggage and copy it to every span, or add the library.';
  }
  if (routes.length === 0) {
    return 'Requests name their tenant, and spans beside them do not: jobs and timers. Wrap them in runAsTenant(tenant, work).';
  }
  return 'Some routes answer without a tenant. Add a source that fits them, or leave them out if they are nobody’s, such as health checks.';
}

/** Code that helps, to be copied; null: none is needed. */
export function attributionSnippet(item: ServiceAttributionItem): string | null {
  if (attributionAdvice(item) === null) return null;
  const usesMiddleware = item.sources.some(({ source }) => source !== null);
  if (usesMiddleware && item.routes_without_tenant.length === 0) {
    return "import { runAsTenant } from 'tenantry';\n\nawait runAsTenant(job.tenantId, () => work(job));\n";
  }
  if (usesMiddleware) {
    return [
      "import { fromHeader, fromPath } from 'tenantry';",
      '',
      'sources: [',
      '  // those that you have, then for the routes below:',
      "  fromHeader('x-tenant-id'),",
      '],',
      '',
    ].join('\n');
  }
  return [
    "import { trace } from '@opentelemetry/api';",
    '',
    '// where the request is known to be of a tenant',
    "trace.getActiveSpan()?.setAttribute('tenant_id', tenantId);",
    '',
  ].join('\n');
}
