import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BreakerReport } from '../../src/domain/breaker.ts';

export interface ReportSink {
  readonly url: string;
  readonly reports: readonly BreakerReport[];
  readonly keys: readonly (string | undefined)[];
  /** Requests that were under way at once, at most. */
  readonly mostAtOnce: number;
  /** Status of the next answers; 0: none, the connection is cut after the report was read. */
  answer: number;
  /** Resolves when this report has been read whole and answered. */
  report(index: number): Promise<BreakerReport>;
  close(): Promise<void>;
}

/** The server's side of breaker reports, to be good or bad on demand. */
export async function startReportSink(): Promise<ReportSink> {
  const reports: BreakerReport[] = [];
  const keys: (string | undefined)[] = [];
  let waiting: { index: number; resolve: (report: BreakerReport) => void }[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    response.on('close', () => {
      atOnce -= 1;
    });
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      reports.push(JSON.parse(text) as BreakerReport);
      keys.push(request.headers.authorization);
      if (sink.answer === 0) request.socket.destroy();
      else response.writeHead(sink.answer, { 'content-type': 'application/json' }).end('{}');
      for (const one of waiting) {
        const report = reports[one.index];
        if (report !== undefined) one.resolve(report);
      }
      waiting = waiting.filter(({ index }) => index >= reports.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sink: ReportSink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reports,
    keys,
    get mostAtOnce() {
      return mostAtOnce;
    },
    answer: 200,
    report: (index) =>
      new Promise((resolve) => {
        const report = reports[index];
        if (report !== undefined) resolve(report);
        else waiting.push({ index, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return sink;
}
