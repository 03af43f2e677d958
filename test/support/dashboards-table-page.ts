/**
 * A page that holds nothing but the shared table, with as many rows as a test asks for: built from the real sources, so
 * that the table is proven apart from what any one page does with it.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const SOURCES = fileURLToPath(new URL('../../dashboards/src', import.meta.url));

/** `window.setRows` takes new rows as a live update does; `window.allRows` is where the CSV file gets them from. */
const PAGE = `
import '${SOURCES}/styles/main.css';
import { h, render } from 'preact';
import { useState } from 'preact/hooks';
import { DataTable } from '${SOURCES}/shared/data-table.tsx';

const columns = [
  { id: 'name', label: 'Name', align: 'left', value: (row) => row.name, cell: (row) => h('a', { href: '#' + row.name }, row.name) },
  { id: 'count', label: 'Count', value: (row) => row.count },
  { id: 'note', label: 'Note', align: 'left', value: (row) => row.note },
];

function Page() {
  const [rows, setRows] = useState(window.firstRows);
  window.setRows = setRows;
  const allRows = window.allRows;
  return h('main', null, h('h1', null, 'Rows'), h(DataTable, {
    id: 'rows', caption: 'Rows', columns, rows, rowKey: (row) => row.name, empty: 'None', defaultSort: '-count',
    ...(allRows === undefined ? {} : { allRows }),
  }));
}
render(h(Page), document.getElementById('app'));
`;

const ENTRY = 'virtual:table-page';

/** The page's files by path, as startDashboardsStub serves them. */
export async function buildTablePage(): Promise<Map<string, Buffer>> {
  const built = await build({
    configFile: false,
    root: SOURCES,
    logLevel: 'error',
    plugins: [
      {
        name: 'table-page',
        resolveId: (id) => (id === ENTRY ? `${SOURCES}/table-page.js` : null),
        load: (id) => (id === `${SOURCES}/table-page.js` ? PAGE : null),
      },
    ],
    build: { write: false, minify: false, assetsInlineLimit: 0, modulePreload: false, rollupOptions: { input: ENTRY } },
  });
  const outputs = Array.isArray(built) ? built : 'output' in built ? [built] : [];
  const files = new Map<string, Buffer>();
  for (const file of outputs.flatMap(({ output }) => output)) {
    files.set(`/${file.fileName}`, Buffer.from(file.type === 'chunk' ? file.code : file.source));
  }
  const tags = [...files.keys()].map((name) =>
    name.endsWith('.css') ? `<link rel="stylesheet" href="${name}">` : `<script type="module" src="${name}"></script>`,
  );
  const html = `<!doctype html><html lang="en"><title>Rows</title><body><div id="app"></div>${tags.join('')}</body></html>`;
  files.set('/index.html', Buffer.from(html));
  files.set('/favicon.ico', Buffer.from(''));
  return files;
}
