/** Steady traffic of several tenants on the demo SaaS, each at its own rate, with every answer kept. */
import { TENANT_HEADER } from '../../src/demo/identity.ts';

export interface SaasAnswer {
  /** 0: no answer. */
  readonly status: number;
  readonly retryAfter: string | null;
  readonly contentType: string | null;
}

/** One request of a tenant to the app. */
export async function callSaas(url: string, tenant: string, path = '/api/projects'): Promise<SaasAnswer> {
  try {
    const response = await fetch(`${url}${path}`, {
      headers: { [TENANT_HEADER]: tenant },
      signal: AbortSignal.timeout(10_000),
    });
    await response.arrayBuffer();
    const { headers, status } = response;
    return { status, retryAfter: headers.get('retry-after'), contentType: headers.get('content-type') };
  } catch {
    return { status: 0, retryAfter: null, contentType: null };
  }
}

export class Traffic {
  readonly #url: string;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #answers = new Map<string, SaasAnswer[]>();

  constructor(url: string) {
    this.#url = url;
  }

  /** From now on this tenant sends so many requests a second, whatever becomes of them; 0 stops it. */
  rate(tenant: string, perSecond: number): void {
    clearInterval(this.#timers.get(tenant));
    if (perSecond === 0) return;
    const answers = this.#answers.get(tenant) ?? [];
    this.#answers.set(tenant, answers);
    const send = () => void callSaas(this.#url, tenant).then((answer) => answers.push(answer));
    this.#timers.set(tenant, setInterval(send, 1_000 / perSecond));
  }

  /** Every answer that the tenant got so far, in order. */
  answers(tenant: string): readonly SaasAnswer[] {
    return this.#answers.get(tenant) ?? [];
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearInterval(timer);
  }
}
