import { describe, expect, it } from 'vitest';
import { childEnvironment, loadConfig, SETTINGS, settingDefault } from '../../src/config/config.ts';

describe('reading the environment', () => {
  it('has a value for every setting that needs one, from nothing', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      TENANTRY_API_PORT: 7070,
      TENANTRY_OTLP_HTTP_PORT: 4318,
      TENANTRY_DATA_DIR: '.tenantry',
      TENANTRY_AUTO_THROTTLE: 'shadow',
      TENANTRY_DEV_ISSUER: true,
    });
    expect(config.CLICKHOUSE_URL).toBeUndefined();
    expect(config.TENANTRY_TENANT_ATTRIBUTES[0]).toBe('tenant_id');
  });

  it('takes an empty value for an unset one, as shells and compose files write it', () => {
    expect(loadConfig({ CLICKHOUSE_URL: '', TENANTRY_API_PORT: '' })).toEqual(loadConfig({}));
  });

  it.each([
    ['TENANTRY_API_PORT', '70000'],
    ['TENANTRY_API_PORT', 'http'],
    ['CLICKHOUSE_URL', 'not a url'],
    ['TENANTRY_ADMIN_TOKEN', 'short'],
    ['TENANTRY_AUTO_THROTTLE', 'always'],
    ['TENANTRY_DETECT_RATIO', '1'],
    ['TENANTRY_SEGMENT_BYTES', '-1'],
    ['TENANTRY_DEV_ISSUER', 'perhaps'],
    ['TENANTRY_API_PROT', '7070'],
  ])('refuses %s=%s by name, without repeating the value', (name, value) => {
    const load = () => loadConfig({ [name]: value });
    expect(load).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }));
    if (name === 'TENANTRY_ADMIN_TOKEN') expect(load).not.toThrow(value);
  });

  it('names everything that is wrong at once', () => {
    expect(() => loadConfig({ TENANTRY_API_PORT: 'x', TENANTRY_LOG_LEVEL: 'loud' })).toThrow(
      /TENANTRY_API_PORT.*TENANTRY_LOG_LEVEL/,
    );
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });
});

describe('a child process', () => {
  it('sees exactly the configuration of its parent, whatever the environment says', () => {
    const parent = loadConfig({
      TENANTRY_API_PORT: '0',
      TENANTRY_TENANT_ATTRIBUTES: 'tenant_id, org',
      TENANTRY_DEV_ISSUER: 'false',
      DATABASE_URL: 'postgres://u:p@127.0.0.1/db',
    });
    expect(loadConfig(childEnvironment(parent))).toEqual(parent);
    process.env['CLICKHOUSE_URL'] = 'http://elsewhere:8123';
    try {
      expect(loadConfig(childEnvironment(parent)).CLICKHOUSE_URL).toBeUndefined();
    } finally {
      delete process.env['CLICKHOUSE_URL'];
    }
    expect(loadConfig(childEnvironment(parent, { TENANTRY_API_PORT: '7171' })).TENANTRY_API_PORT).toBe(7171);
  });
});

describe('the help', () => {
  it.each(Object.keys(SETTINGS))('says what %s is for', (name) => {
    expect(SETTINGS[name as keyof typeof SETTINGS].description ?? '').not.toBe('');
  });

  it('shows defaults as they would be typed', () => {
    expect(settingDefault('TENANTRY_API_PORT')).toBe('7070');
    expect(settingDefault('TENANTRY_DEV_ISSUER')).toBe('true');
    expect(settingDefault('CLICKHOUSE_URL')).toBeUndefined();
  });
});
