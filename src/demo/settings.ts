import { parseArgs } from 'node:util';

export interface DemoSettings {
  /** Base URL for OTLP over HTTP. */
  readonly otlp: string;
  /** Base URL of Tenantry's API. */
  readonly api: string;
  readonly key: string;
  readonly databaseUrl: string;
  readonly tenants: number;
  /** Requests a second of the load generator; 0 switches it off. */
  readonly rate: number;
  readonly noisyEverySeconds: number;
  readonly noisyForSeconds: number;
  readonly seed: number;
  /** 0 picks a free one. */
  readonly port: number;
}

function number(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < min) throw new RangeError(`--${name} must be a number of at least ${min}`);
  return value;
}

/** @throws TypeError or RangeError that names the option which is missing or wrong */
export function readSettings(args: readonly string[]): DemoSettings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      otlp: { type: 'string' },
      api: { type: 'string' },
      key: { type: 'string' },
      'database-url': { type: 'string' },
      tenants: { type: 'string', default: '40' },
      rate: { type: 'string', default: '60' },
      'noisy-every': { type: 'string', default: '240' },
      'noisy-for': { type: 'string', default: '90' },
      seed: { type: 'string', default: '1' },
      port: { type: 'string', default: '0' },
    },
  });
  const required = (name: 'otlp' | 'api' | 'key' | 'database-url'): string => {
    const value = values[name];
    if (value === undefined || value === '') throw new TypeError(`--${name} is missing`);
    return value;
  };
  return {
    otlp: required('otlp'),
    api: required('api'),
    key: required('key'),
    databaseUrl: required('database-url'),
    tenants: number('tenants', values.tenants, 1),
    rate: number('rate', values.rate, 0),
    noisyEverySeconds: number('noisy-every', values['noisy-every'], 1),
    noisyForSeconds: number('noisy-for', values['noisy-for'], 0),
    seed: number('seed', values.seed, 0),
    port: number('port', values.port, 0),
  };
}
