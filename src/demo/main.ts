/**
 * A simulated SaaS that reports to Tenantry, as a process of its own. It uses the library as a customer would: OpenTelemetry
 * first, then the app, imported dynamically so that http and pg are patched before anything loads them.
 */
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { startTenantry } from 'tenantry';
import type { FromDemo, ToDemo } from './messages.ts';
import { ServerDurations } from './server-durations.ts';
import { readSettings } from './settings.ts';

const settings = readSettings(process.argv.slice(2));
/** Ports whose traffic is the outside world's, not the app's: clients call the app, the app's calls arrive at others. */
const ports = { app: 0, outside: 0 };
const durations = new ServerDurations();

const tenantry = await startTenantry({
  serviceName: 'demo-saas',
  endpoint: settings.otlp,
  apiUrl: settings.api,
  key: settings.key,
  resourceAttributes: { 'deployment.environment.name': 'demo' },
  spanProcessors: [durations],
  instrumentations: [
    new HttpInstrumentation({
      ignoreIncomingRequestHook: (request) => request.socket.localPort === ports.outside,
      ignoreOutgoingRequestHook: (request) => Number(request.port) === ports.app,
    }),
    // Waiting for a pooled connection is a span as well, and would count as a second database call of each query.
    new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true }),
  ],
});

const { Demo } = await import('./demo.ts');

function tell(message: FromDemo): void {
  if (process.send === undefined) process.stdout.write(`${JSON.stringify(message)}\n`);
  else process.send(message);
}

const demo = new Demo(settings, tenantry, durations, ports);

async function answer(message: ToDemo): Promise<void> {
  if (message.type === 'run') tell({ type: 'done', ...(await demo.run(message.requests, message.concurrency)) });
  else if (message.type === 'load') demo.load(message.on);
  else tell({ type: 'stats', ...demo.stats() });
}

let stopping = false;
async function stop(status: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await demo.stop();
  await tenantry.shutdown();
  process.exit(status);
}

function fail(error: unknown): void {
  tell({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
}

process.on('message', (message: ToDemo) => void answer(message).catch(fail));
process.on('disconnect', () => void stop(0));
process.on('SIGTERM', () => void stop(0));
process.on('SIGINT', () => void stop(0));

try {
  tell({ type: 'ready', ...(await demo.start()) });
} catch (error) {
  fail(error);
  await stop(1);
}
