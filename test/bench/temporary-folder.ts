import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();

/** Goes with the process, however that ends, unless it was removed before: a bench holds gigabytes there. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  if (folders.size === 0) watchForTheEnd();
  const path = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
  folders.add(path);
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
      folders.delete(path);
    },
  };
}

let watching = false;

function watchForTheEnd(): void {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const path of folders) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => process.exit(status));
  }
}
