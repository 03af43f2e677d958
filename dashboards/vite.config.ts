import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/dashboards', import.meta.url)),
    emptyOutDir: true,
    sourcemap: false,
    // The server's CSP allows neither inline code nor data: URLs, so every asset stays a file and no polyfill is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // For work on the pages: `npx vite dashboards` beside a running server.
  server: { proxy: { '/v1': 'http://127.0.0.1:7070' } },
});
