// Each sub-path in each kind of project, with nothing installed but what the README's table says that it needs.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileStrictly } from '../support/package-compile.ts';
import { type Manifest, Project, ROOT, readManifest } from '../support/package-project.ts';

interface SubPath {
  readonly path: string;
  /** What it imports when it is loaded, beside `@opentelemetry/api`. */
  readonly needs: readonly string[];
  /** Functions and classes that it offers, complete. */
  readonly offers: readonly string[];
}

const SUB_PATHS: readonly SubPath[] = [
  {
    path: 'tenantry',
    needs: [],
    offers: ['createTenantry', 'currentTenant', 'fromJwt', 'runAsTenant', 'startTenantry', 'TenantSpanProcessor'],
  },
  { path: 'tenantry/ai', needs: [], offers: ['aiCall', 'recordAiCall', 'toolCall', 'withAiMarks'] },
  { path: 'tenantry/express', needs: [], offers: ['requireTenant', 'tenantryExpress'] },
  { path: 'tenantry/fastify', needs: [], offers: ['requireTenant', 'tenantryFastify'] },
  { path: 'tenantry/hono', needs: ['hono'], offers: ['requireTenant', 'tenantryHono'] },
  { path: 'tenantry/koa', needs: [], offers: ['requireTenant', 'tenantryKoa'] },
  { path: 'tenantry/node-http', needs: [], offers: ['requireTenant', 'withTenantry'] },
  {
    path: 'tenantry/openfeature',
    needs: ['@openfeature/server-sdk', '@openfeature/core'],
    offers: ['TenantryProvider'],
  },
  { path: 'tenantry/queues', needs: [], offers: ['bullmqProcessor', 'kafkaEachMessage', 'tenantJobData'] },
];

const NEEDED = SUB_PATHS.flatMap(({ needs }) => needs);
let packed: Manifest;
let esm: Project;
let commonjs: Project;

beforeAll(async () => {
  [esm, commonjs] = await Promise.all([Project.make('module', NEEDED), Project.make('commonjs', NEEDED)]);
  packed = await readManifest(join(esm.folder, 'node_modules/tenantry/package.json'));
});
afterAll(async () => {
  await Promise.all([esm.remove(), commonjs.remove()]);
});

/** The README's snippets import the same names again and again. */
const renamed = (names: string, index: number) =>
  names
    .split(',')
    .map((name) => `${name.trim()} as ${name.trim()}${index}`)
    .join(', ');

describe('the sub-paths', () => {
  it('are all of the package', () => {
    const paths = Object.keys(packed.exports).map((path) => path.replace(/^\./, 'tenantry'));
    expect(paths.sort()).toEqual(SUB_PATHS.map(({ path }) => path).sort());
  });

  it('name what they need as a peer that an app may leave out', () => {
    const ours = NEEDED.filter((name) => name !== '@openfeature/core'); // the SDK asks for it by itself
    for (const name of ours) expect(packed.peerDependenciesMeta[name], name).toEqual({ optional: true });
  });

  it.each(['README.md', 'src/middleware/README.md'])('stand in the table of %s, if it has one', async (file) => {
    const text = await readFile(join(ROOT, file), 'utf8');
    const named = [...text.matchAll(/^\| `(tenantry(?:\/[\w-]+)?)` *\|/gm)].map(([, path]) => path);
    if (file === 'README.md' && named.length === 0) return expect(text).toContain('src/middleware/README.md');
    return expect(named.sort()).toEqual(SUB_PATHS.map(({ path }) => path).sort());
  });

  it('offer what the README imports from them', async () => {
    const text = await readFile(join(ROOT, 'src/middleware/README.md'), 'utf8');
    const imports = [...text.matchAll(/^import (.+) from '(tenantry[^']*)';/gm)];
    expect(imports.length).toBeGreaterThan(8);
    const lines = imports.map(([line], i) =>
      line.replace(/\{(.+)\}/, (_, names: string) => `{ ${renamed(names, i)} }`),
    );
    const { status, err } = await esm.node('--input-type=module', '-e', lines.join('\n'));
    expect({ status, err }).toEqual({ status: 0, err: '' });
  });

  it('load in an ES module', async () => {
    const source = SUB_PATHS.map(({ path }) => `'${path}': Object.keys(await import('${path}'))`).join(',');
    const { out, err } = await esm.node('--input-type=module', '-e', `console.log(JSON.stringify({ ${source} }))`);
    expect(err).toBe('');
    const offered = JSON.parse(out) as Record<string, string[]>;
    for (const { path, offers } of SUB_PATHS) expect(offered[path], path).toEqual(expect.arrayContaining([...offers]));
  });

  it('load in CommonJS by require, without a flag or a warning, and are the same objects as by import', async () => {
    await commonjs.write(
      'app.js',
      `
      const paths = ${JSON.stringify(SUB_PATHS.map(({ path }) => path))};
      (async () => {
        const differing = [];
        for (const path of paths) {
          const [required, imported] = [require(path), await import(path)];
          for (const name of Object.keys(imported)) if (required[name] !== imported[name]) differing.push(path, name);
        }
        const { createTenantry, currentTenant, runAsTenant } = require('tenantry');
        const tenantry = createTenantry({ serviceName: 'some-app', flags: false });
        await tenantry.shutdown();
        console.log(JSON.stringify({ differing, ran: runAsTenant('acme', () => 1), outside: currentTenant() ?? null }));
      })();
      `,
    );
    const { out, err } = await commonjs.node('app.js');
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual({ differing: [], ran: 1, outside: null });
  });

  it('compile in a strict CommonJS project', async () => {
    await commonjs.provide('@types/node', 'fastify', 'typescript');
    const imports = SUB_PATHS.map(({ path }, i) => `import * as part${i} from '${path}';`).join('\n');
    await commonjs.write(
      'all.ts',
      `${imports}
      export const all: readonly object[] = [${SUB_PATHS.map((_, i) => `part${i}`).join(', ')}];
      export const tenant: string | undefined = part0.currentTenant()?.tenantId;`,
    );
    expect(compileStrictly(commonjs.folder, ['all.ts'])).toEqual([]);
  });

  it('load with their own peers alone, and name one that is missing', async () => {
    const project = await Project.make('module');
    const needy = SUB_PATHS.filter(({ needs }) => needs.length > 0);
    try {
      // One process for all: what is not installed is missing for each of them.
      const source = SUB_PATHS.map(({ path }) => `'${path}': await import('${path}').then(() => '', String)`).join(',');
      const { out, err } = await project.node(
        ...['--input-type=module', '-e', `console.log(JSON.stringify({ ${source} }))`],
      );
      expect(err).toBe('');
      const failures = JSON.parse(out) as Record<string, string>;
      for (const { path, needs } of SUB_PATHS) {
        if (needs.length === 0) expect(failures[path], path).toBe('');
        else expect(failures[path], path).toContain(`Cannot find package '${needs[0]}' imported from`);
      }
      for (const { path, needs } of needy) {
        expect(failures[path]).toContain(path.replace('tenantry/', 'tenantry/middleware/'));
        await project.provide(...needs);
        const load = ['--input-type=module', '-e', `await import('${path}')`];
        expect(await project.node(...load), path).toEqual({ status: 0, out: '', err: '' });
      }
    } finally {
      await project.remove();
    }
  });

  it('say once what to install where a package is missing and the app goes on without', async () => {
    const project = await Project.make('module');
    try {
      const { out, err } = await project.node(
        '--input-type=module',
        '-e',
        `
        import { createTenantry, fromJwt } from 'tenantry';
        import { withTenantry } from 'tenantry/node-http';
        import { createServer } from 'node:http';
        const tenantry = createTenantry({ serviceName: 'some-app', flags: false });
        const sources = [fromJwt({ jwksUrl: 'http://127.0.0.1:9/', issuer: 'i', audience: 'a' })];
        const server = createServer(withTenantry((request, response) => response.end('ok'), { tenantry, sources }));
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        const url = 'http://127.0.0.1:' + server.address().port;
        const headers = { authorization: 'Bearer x.y.z' };
        const texts = [];
        for (let i = 0; i < 3; i++) texts.push(await (await fetch(url, { headers })).text());
        console.log(JSON.stringify({ texts, failed: tenantry.stats().tenant_source_failed }));
        server.closeAllConnections();
        server.close();
        await tenantry.shutdown();
        `,
      );
      expect(JSON.parse(out)).toEqual({ texts: ['ok', 'ok', 'ok'], failed: 3 });
      expect(err.match(/fromJwt needs a package that is not installed\. Run: npm install jose/g)).toHaveLength(1);
    } finally {
      await project.remove();
    }
  });
});
