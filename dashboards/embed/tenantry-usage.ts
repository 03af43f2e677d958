/**
 * `<tenantry-usage>`: a tenant's usage in a frame, for the operator's own pages. Served as /embed/tenantry-usage.js, a
 * plain script without dependencies; everything stands in a block, so that it leaves no names behind.
 *
 *   <script src="https://tenantry.example/embed/tenantry-usage.js"></script>
 *   <tenantry-usage token-url="/my-backend/usage-token" theme="light" accent="#0a7d5a"></tenantry-usage>
 *
 * `token-url` is asked with POST and answers `{ "token": "…" }`; or set the property `getToken` to a function that
 * resolves with a token. `base-url` is where Tenantry is, where the script comes from elsewhere.
 */
{
  const script = document.currentScript;
  const scriptOrigin =
    script instanceof HTMLScriptElement && script.src !== '' ? new URL(script.src).origin : undefined;
  const SMALLEST_PX = 80;
  const LARGEST_PX = 20_000;

  class TenantryUsage extends HTMLElement {
    /** Resolves with a token from the operator's backend; takes the place of `token-url`. */
    getToken: (() => Promise<string>) | undefined;
    readonly #frame = document.createElement('iframe');
    readonly #hear = (event: MessageEvent) => this.#onMessage(event);

    connectedCallback(): void {
      const { base } = this;
      if (base === undefined) {
        this.#fail(new Error('<tenantry-usage> needs base-url: the address of Tenantry'));
        return;
      }
      const address = new URL('/embed/usage', base);
      address.searchParams.set('origin', location.origin);
      for (const name of ['theme', 'accent']) {
        const value = this.getAttribute(name);
        if (value !== null) address.searchParams.set(name, value);
      }
      this.#frame.title = this.getAttribute('frame-title') ?? 'Usage';
      this.#frame.referrerPolicy = 'no-referrer';
      Object.assign(this.#frame.style, { display: 'block', width: '100%', height: '320px', border: '0' });
      const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
      if (this.#frame.parentNode !== root) root.append(this.#frame);
      window.addEventListener('message', this.#hear);
      // The frame asks for its token once it is there: so none stands in an address.
      this.#frame.src = address.href;
    }

    disconnectedCallback(): void {
      window.removeEventListener('message', this.#hear);
    }

    get base(): string | undefined {
      const text = this.getAttribute('base-url');
      return text === null ? scriptOrigin : new URL(text, location.href).origin;
    }

    #onMessage(event: MessageEvent): void {
      if (event.source !== this.#frame.contentWindow || event.origin !== this.base) return;
      const { type, height } = Object(event.data) as { type?: unknown; height?: unknown };
      if (type === 'tenantry:token-needed') void this.#giveToken();
      if (type === 'tenantry:height' && typeof height === 'number' && Number.isFinite(height)) {
        this.#frame.style.height = `${Math.min(LARGEST_PX, Math.max(SMALLEST_PX, Math.ceil(height)))}px`;
      }
    }

    async #giveToken(): Promise<void> {
      try {
        const token = await this.#newToken();
        const { base } = this;
        if (base !== undefined) this.#frame.contentWindow?.postMessage({ type: 'tenantry:token', token }, base);
      } catch (error) {
        this.#fail(error);
      }
    }

    async #newToken(): Promise<string> {
      if (this.getToken !== undefined) return this.getToken();
      const url = this.getAttribute('token-url');
      if (url === null) throw new Error('<tenantry-usage> needs token-url, or the property getToken');
      const answer = await fetch(url, { method: 'POST', headers: { accept: 'application/json' } });
      if (!answer.ok) throw new Error(`token-url answered ${answer.status}`);
      const { token } = Object(await answer.json()) as { token?: unknown };
      if (typeof token !== 'string') throw new Error('token-url answered without a token');
      return token;
    }

    #fail(error: unknown): void {
      this.dispatchEvent(new CustomEvent('tenantry-error', { detail: error, bubbles: true }));
    }
  }

  if (customElements.get('tenantry-usage') === undefined) customElements.define('tenantry-usage', TenantryUsage);
}
