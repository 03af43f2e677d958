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
    rolldownOptions: {
      input: {
        index: fileURLToPath(new URL('index.html', import.meta.url)),
        'tenantry-usage': fileURLToPath(new URL('embed/tenantry-usage.ts', import.meta.url)),
      },
      output: {
        // Operators write this name into their pages: it stays as it is.
        entryFileNames: ({ name }) => (name === 'tenantry-usage' ? 'embed/[name].js' : 'assets/[name]-[hash].js'),
      },
    },
    modulePreload: { polyfill: false },
  },
  // For work on the pages: `npx vite dashboards` beside a running server.
  server: { proxy: { '/v1': 'http://127.0.0.1:7070' } },
});
