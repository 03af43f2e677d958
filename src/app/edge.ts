import type { EdgeOptions } from '../api/server.ts';
import type { Config } from '../config/config.ts';

/** What the settings say about limits, other origins and proxies. */
export function edgeOptions(config: Config): EdgeOptions {
  return {
    limits: {
      addressPerSecond: config.TENANTRY_LIMIT_API_ADDRESS_PER_SECOND,
      userPerSecond: config.TENANTRY_LIMIT_API_USER_PER_SECOND,
      tenantPerSecond: config.TENANTRY_LIMIT_API_TENANT_PER_SECOND,
      keyPerSecond: config.TENANTRY_LIMIT_API_KEY_PER_SECOND,
      flagsPerSecond: config.TENANTRY_LIMIT_FLAGS_KEY_PER_SECOND,
      streamsPerKey: config.TENANTRY_LIMIT_STREAMS_PER_KEY,
    },
    corsOrigins: config.TENANTRY_CORS_ORIGINS,
    trustedProxies: config.TENANTRY_TRUSTED_PROXIES,
    alwaysHttps: config.TENANTRY_PUBLIC_URL?.startsWith('https:') ?? false,
  };
}
