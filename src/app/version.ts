import { readFileSync } from 'node:fs';

/** The manifest lies two folders up from src/app (tests) and three from dist/src/app. */
const MANIFESTS = ['../../package.json', '../../../package.json'];

function readVersion(): string {
  for (const path of MANIFESTS) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { version?: string };
      if (version !== undefined) return version;
    } catch {
      // Not there: the other place is.
    }
  }
  return '0.0.0';
}

export const VERSION = readVersion();
