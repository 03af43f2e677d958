import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { builtPages } from '../support/dashboards-browser.ts';

const MAX_GZIPPED_BYTES = 150_000;

describe('the built pages', () => {
  const pages = builtPages();
  const html = pages.get('/index.html')?.toString() ?? '';

  it('are small', () => {
    const sizes = [...pages].map(([name, bytes]) => [name, gzipSync(bytes).length] as const);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    process.stdout.write(`dashboards: ${(total / 1000).toFixed(1)} kB gzipped (${sizes.length} files)\n`);
    expect(total).toBeGreaterThan(10_000);
    expect(total).toBeLessThan(MAX_GZIPPED_BYTES);
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
