/** Starts the embedded server on the folder given, tells its URLs, and holds it until it is killed or told to end. */
import { pino } from 'pino';
import { startEmbeddedPostgres } from '../../../src/store/postgres/embedded.ts';

const [dataDir = ''] = process.argv.slice(2);
const say = (message: unknown) => process.stdout.write(`${JSON.stringify(message)}\n`);
try {
  const server = await startEmbeddedPostgres({ dataDir, log: pino({ level: 'silent' }) });
  say({ ownerUrl: server.ownerUrl });
  process.stdin.once('end', () => void server.stop()).resume();
} catch (error) {
  const { code, message, hint } = error as { code?: string; message?: string; hint?: string };
  say({ code, message, hint });
}
