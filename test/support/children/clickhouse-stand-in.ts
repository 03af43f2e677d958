/** Serves ClickHouse's HTTP interface on `<port>` with the engine on `<folder>`, until it is killed. */
import { serveStandIn } from '../clickhouse-stand-in.ts';

const [path = '', port = '0', password = ''] = process.argv.slice(2);
let dieAfterInsert = false;
process.on('message', (message) => {
  if (message === 'die-after-insert') dieAfterInsert = true;
  process.send?.('heard');
});
process.on('disconnect', () => process.exit(0));

const running = await serveStandIn({
  path,
  port: Number(port),
  password,
  afterInsert: () => {
    if (dieAfterInsert) process.kill(process.pid, 'SIGKILL');
  },
});
process.send?.({ port: running.port });
