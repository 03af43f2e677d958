/** Whether the first span has arrived, in words. Pure. */
import type { SetupBody } from '../../../src/api/setup-contract.ts';
import { formatExact } from '../shared/format.ts';

export interface SetupCheck {
  readonly state: 'waiting' | 'refused' | 'without-tenant' | 'arrived';
  readonly text: string;
  /** What to change; null: nothing. */
  readonly advice: string | null;
}

/** `wanted`: name of the service that is being connected. */
export function setupCheck({ services, without_key: withoutKey }: SetupBody, wanted: string): SetupCheck {
  const found = services.find(({ service }) => service === wanted);
  if (found === undefined) {
    if (withoutKey === 0 || services.length > 0) {
      const others = services[0] === undefined ? '' : ` Others have: ${services[0].service} was heard of last.`;
      return {
        state: 'waiting',
        text: `No span of ${wanted} has arrived yet.${others}`,
        advice:
          'This looks again every two seconds. Exporters send in batches: give them some seconds after the first request.',
      };
    }
    const requests = `${formatExact(withoutKey)} ${withoutKey === 1 ? 'request' : 'requests'}`;
    return {
      state: 'refused',
      text: `Something sends, but ${requests} came without a valid key.`,
      advice: 'Compare the key of the exporter with the one above; it goes into the header x-tenantry-key.',
    };
  }
  const spans = `${formatExact(found.spans)} ${found.spans === 1 ? 'span' : 'spans'}`;
  if (found.attributed === 0) {
    return {
      state: 'without-tenant',
      text: `${found.service} has sent ${spans}, and none names a tenant.`,
      advice:
        'Set the attribute tenant_id where a request is known to be of a tenant, as in the code above. Until then the spans are in no customer’s figures.',
    };
  }
  const tenant = found.example_tenant === null ? '' : `, such as ${found.example_tenant}`;
  const all = found.attributed === found.spans ? 'all of them' : `${formatExact(found.attributed)} of them`;
  return {
    state: 'arrived',
    text: `${found.service} has sent ${spans}; ${all} with a tenant${tenant}.`,
    advice: null,
  };
}
