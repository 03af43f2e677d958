/**
 * Derives dist/npm, the package that apps install, from the built src/middleware and the files of src/domain that it
 * reaches; packs it, and lays the unpacked tarball into the demo app's node_modules, so that the demo imports exactly
 * what a customer would.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `src/middleware` imports at run time and installs with it; the rest are peers that the app already has. */
const DEPENDENCIES = ['eventsource-parser'];
const PEERS = { '@opentelemetry/api': '^1.9.0' };
const OPTIONAL_PEERS = {
  '@datadog/pprof': '^5.0.0',
  '@openfeature/server-sdk': '^1.17.0',
  '@opentelemetry/exporter-metrics-otlp-proto': '>=0.200.0 <1',
  '@opentelemetry/exporter-trace-otlp-proto': '>=0.200.0 <1',
  '@opentelemetry/sdk-metrics': '^2.0.0',
  '@opentelemetry/sdk-node': '>=0.200.0 <1',
  fastify: '^5.0.0',
  hono: '^4.8.0',
  jose: '^6.0.0',
};

/**
 * Code and declarations are walked apart: a declaration also reaches files that are imported as types only, which the
 * code no longer mentions. Declarations keep the `.ts` of the sources in their imports.
 */
function reachableFrom(entries, extension) {
  const seen = new Set();
  const queue = [...entries];
  while (queue.length > 0) {
    const file = queue.pop();
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      queue.push(join(dirname(file), specifier.replace(/\.[jt]s$/, extension)));
    }
  }
  return [...seen];
}

/** @returns the tarball's path, or undefined when the middleware is not built */
export function packMiddleware() {
  const root = JSON.parse(readFileSync('package.json', 'utf8'));
  const entries = Object.values(root.exports).map((entry) => entry.default);
  if (!entries.every((file) => existsSync(file))) return undefined;
  const out = 'dist/npm';
  rmSync(out, { recursive: true, force: true });
  const declarations = entries.map((file) => file.replace(/\.js$/, '.d.ts'));
  for (const file of [...reachableFrom(entries, '.js'), ...reachableFrom(declarations, '.d.ts')]) {
    const target = join(out, file.replace(/^\.?\/?dist\/src\//, ''));
    mkdirSync(dirname(target), { recursive: true });
    cpSync(file, target);
  }
  const exports = Object.fromEntries(
    Object.entries(root.exports).map(([key, value]) => [
      key,
      Object.fromEntries(Object.entries(value).map(([kind, file]) => [kind, file.replace('./dist/src/', './')])),
    ]),
  );
  const manifest = {
    name: root.name,
    version: root.version,
    description:
      'Marks every span with its tenant, obeys throttle flags: the library for apps that report to Tenantry.',
    license: root.license,
    type: 'module',
    sideEffects: false,
    engines: root.engines,
    exports,
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, root.dependencies[name]])),
    peerDependencies: { ...PEERS, ...OPTIONAL_PEERS },
    peerDependenciesMeta: Object.fromEntries(Object.keys(OPTIONAL_PEERS).map((name) => [name, { optional: true }])),
  };
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of ['LICENSE', 'src/middleware/README.md'])
    if (existsSync(file)) cpSync(file, join(out, file.split('/').pop()));

  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', resolve('dist')], {
    cwd: out,
    encoding: 'utf8',
  });
  const tarball = resolve('dist', packed.trim().split('\n').at(-1));
  const demo = 'dist/src/demo';
  if (!existsSync(demo)) return tarball;
  const installed = join(demo, 'node_modules/tenantry');
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  writeFileSync(join(demo, 'package.json'), '{ "name": "demo-saas", "private": true, "type": "module" }\n');
  return tarball;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.chdir(new URL('..', import.meta.url).pathname);
  console.log(packMiddleware() ?? 'not built yet: run npm run build');
}
