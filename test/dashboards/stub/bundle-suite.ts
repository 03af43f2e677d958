import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { builtPages } from '../../support/dashboards-browser.ts';

/** What opening any page may load, with the frame around it. */
const MAX_PAGE_BYTES = 150_000;
/** All pages together, some fifty: nobody loads them all, but they should not grow unseen. */
const MAX_ALL_BYTES = 320_000;

/** What a browser must load, and what the policy lets it run. */
export function bundleSuite(): void {
  describe('the built pages', () => {
    const pages = builtPages();
    const html = pages.get('/index.html')?.toString() ?? '';
    const zipped = new Map([...pages].map(([name, bytes]) => [name, gzipSync(bytes).length]));
    const sizeOf = (files: Iterable<string>) =>
      [...new Set(files)].reduce((sum, file) => sum + (zipped.get(file) ?? 0), 0);

    it('are small, whichever is opened', () => {
      const entryName = /src="(\/assets\/index-[^"]+\.js)"/.exec(html)?.[1] ?? '';
      const entry = pages.get(entryName)?.toString() ?? '';
      const frame = ['/index.html', ...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) =>
        typeof found === 'string' ? found : (found[1] ?? ''),
      );
      // As vite writes it: a table of files, and behind each import() the places of those that it needs first.
      const table = (/m\.f=\[([^\]]*)\]/.exec(entry)?.[1] ?? '').split(',').map((file) => `/${file.slice(1, -1)}`);
      const opened = [...entry.matchAll(/import\(`\.\/([^`]+)`\)[^`]{0,80}?__vite__mapDeps\(\[([\d,]*)\]\)/g)].map(
        ([, file = '', needs = '']) => {
          const files = needs === '' ? [] : needs.split(',').map((place) => table[Number(place)] ?? '');
          return {
            file,
            size: sizeOf([...frame, `/assets/${file}`, ...files]),
            known: files.every((one) => zipped.has(one)),
          };
        },
      );
      expect(opened.length).toBeGreaterThan(20);
      expect(opened.filter(({ known }) => !known)).toEqual([]);
      const largest = opened.reduce((worst, one) => (one.size > worst.size ? one : worst));
      const all = sizeOf(zipped.keys());
      process.stdout.write(
        `dashboards, gzipped: at most ${(largest.size / 1000).toFixed(1)} kB to open a page (${largest.file}), ${(all / 1000).toFixed(1)} kB in all (${zipped.size} files)\n`,
      );
      expect(largest.size).toBeGreaterThan(sizeOf(frame));
      expect(largest.size).toBeLessThan(MAX_PAGE_BYTES);
      expect(all).toBeLessThan(MAX_ALL_BYTES);
    });

    it('hold no code or style inside the HTML, which the policy would refuse', () => {
      expect(html).toMatch(/<script type="module"[^>]* src="\/assets\//);
      expect(html).not.toMatch(/<script(?![^>]* src=)[^>]*>|<style|\sstyle=|\son[a-z]+=/i);
    });

    it('ask no other origin for anything', () => {
      const css = [...pages].filter(([name]) => name.endsWith('.css')).map(([, bytes]) => bytes.toString());
      expect(css.length).toBeGreaterThan(0);
      expect(html + css.join('')).not.toMatch(/https?:\/\/|url\(["']?\/\/|@import/);
    });

    it('fetch nothing from elsewhere in their code: addresses of others are text to read or links to follow', () => {
      const code = [...pages].filter(([name]) => name.endsWith('.js')).map(([, bytes]) => bytes.toString());
      const calls =
        /\b(?:fetch|import|importScripts|EventSource|WebSocket|Worker|sendBeacon)\s*\(\s*["'`](?:[a-z]+:)?\/\//;
      const sources = /\b(?:src|srcset|poster|action|data)\s*[:=]\s*["'`](?:[a-z]+:)?\/\//;
      expect(code.length).toBeGreaterThan(1);
      for (const text of code) {
        expect(text).not.toMatch(calls);
        expect(text).not.toMatch(sources);
        expect(text).not.toMatch(/\beval\s*\(|new Function\s*\(/);
      }
      expect('fetch("https://cdn.example/x.js")').toMatch(calls);
      expect('{src:"//cdn.example/x.png"}').toMatch(sources);
    });

    it('carry no source maps', () => {
      expect([...pages.keys()].filter((name) => name.endsWith('.map'))).toEqual([]);
    });
  });
}
