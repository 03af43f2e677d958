/** The demo's app: a small project tool that many tenants share. */
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { BreakerOpenError, currentTenant, fromHeader, fromJwt, fromSubdomain, type Tenantry } from 'tenantry';
import { tenantryFastify } from 'tenantry/fastify';
import { type AnswerUsage, answerQuestion } from './assistant.ts';
import type { DemoDatabase, Project } from './database.ts';
import { callHttp } from './http-call.ts';
import { AUDIENCE, BASE_DOMAIN, ISSUER, TENANT_HEADER, TOKEN_SECRET } from './identity.ts';
import { type AssistBody, type AssistReply, SEARCH_EVERYTHING } from './saas-wire.ts';
import type { DemoTenant } from './tenants.ts';
import { TtlCache } from './ttl-cache.ts';

export interface SaasParts {
  readonly tenantry: Tenantry;
  readonly database: DemoDatabase;
  readonly tenants: readonly DemoTenant[];
  /** Port of the model provider and the webhook receivers. */
  readonly outsidePort: number;
}

const NO_USAGE: AnswerUsage = { calls: 0, input: 0, output: 0, cacheRead: 0, reasoning: 0 };
const PROJECT_CACHE_MS = 5_000;
const ANSWER_CACHE_MS = 30_000;
const CACHE_ENTRIES = 5_000;
/** What a search over everything takes in the database, beside a few milliseconds for others. */
const SEARCH_EVERYTHING_SECONDS = 0.5;

class Unavailable extends Error {}

export class Saas {
  readonly app: FastifyInstance;
  readonly #parts: SaasParts;
  readonly #tenants: ReadonlyMap<string, DemoTenant>;
  readonly #projects = new TtlCache<Project>(PROJECT_CACHE_MS, CACHE_ENTRIES);
  readonly #answers = new TtlCache<true>(ANSWER_CACHE_MS, CACHE_ENTRIES);

  constructor(parts: SaasParts) {
    this.#parts = parts;
    this.#tenants = new Map(parts.tenants.map((tenant) => [tenant.id, tenant]));
    this.app = fastify();
  }

  /** @returns the port it listens on */
  async start(port: number): Promise<number> {
    const { tenantry, tenants } = this.#parts;
    await this.app.register(tenantryFastify, {
      tenantry,
      requireTenant: true,
      sources: [
        fromJwt({ key: TOKEN_SECRET, issuer: ISSUER, audience: AUDIENCE, claim: 'org', planClaim: 'plan' }),
        fromSubdomain({ baseDomain: BASE_DOMAIN }),
        fromHeader(TENANT_HEADER),
      ],
    });
    this.#route();
    await this.#parts.database.prepare(tenants.map((tenant) => tenant.id));
    await this.app.listen({ port, host: '127.0.0.1' });
    const address = this.app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  #route(): void {
    const { app } = this;
    app.get('/healthz', () => ({ ok: true }));
    app.get('/api/projects', async () => ({ items: await this.#parts.database.projects(this.#tenant().id) }));
    app.get<{ Params: { id: string } }>('/api/projects/:id', (request, reply) =>
      this.#project(request.params.id, reply),
    );
    app.post<{ Params: { id: string }; Body: { text: string } }>('/api/projects/:id/comments', (request, reply) =>
      this.#comment(request.params.id, request.body.text, reply),
    );
    app.get<{ Querystring: { q?: string } }>('/api/search', (request) => this.#search(request.query.q ?? ''));
    app.post<{ Body: AssistBody }>('/api/assist', (request, reply) => this.#assist(request.body, reply));
  }

  #tenant(): DemoTenant {
    const tenant = this.#tenants.get(currentTenant()?.tenantId ?? '');
    if (tenant === undefined) throw Object.assign(new Error('This tenant is no customer'), { statusCode: 403 });
    return tenant;
  }

  async #project(id: string, reply: FastifyReply) {
    const { database } = this.#parts;
    const tenant = this.#tenant();
    const key = `${tenant.id}/${id}`;
    const project = this.#projects.get(key) ?? (await database.project(tenant.id, Number(id)));
    if (project === undefined) return reply.code(404).send({ error: 'no such project' });
    this.#projects.set(key, project);
    return { ...project, comments: await database.comments(tenant.id, project.id) };
  }

  async #comment(id: string, text: string, reply: FastifyReply) {
    const tenant = this.#tenant();
    await this.#parts.database.addComment(tenant.id, Number(id), text);
    await this.#notify(tenant);
    return reply.code(201).send({ ok: true });
  }

  /** Tells the tenant's own system about the comment; that it is down is the tenant's matter, not the request's. */
  async #notify(tenant: DemoTenant): Promise<void> {
    const path = `/webhooks/${tenant.brokenWebhook ? 'broken' : 'good'}`;
    try {
      await this.#parts.tenantry.breaker('webhook').run(async () => {
        const { status } = await callHttp({ port: this.#parts.outsidePort, method: 'POST', path, body: {} });
        if (status >= 500) throw new Unavailable(`The webhook answered ${status}`);
      });
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof BreakerOpenError)) throw error;
    }
  }

  async #search(words: string) {
    const tenant = this.#tenant();
    const slowSeconds = words === SEARCH_EVERYTHING ? SEARCH_EVERYTHING_SECONDS : 0;
    return { items: await this.#parts.database.search(tenant.id, words, slowSeconds) };
  }

  async #assist(question: AssistBody, reply: FastifyReply): Promise<AssistReply | FastifyReply> {
    const tenant = this.#tenant();
    const step = this.#parts.tenantry.flags.degradeStep('ai');
    if (step === 'blocked') return reply.code(503).send({ error: 'the assistant is switched off for now' });
    const key = `${tenant.id}/${question.topic}`;
    if (this.#answers.get(key) === true) return { cached: true, usage: NO_USAGE };
    if (step === 'cached_only') return reply.code(503).send({ error: 'the assistant answers known questions only' });
    const usage = await answerQuestion(this.#parts.outsidePort, tenant, question);
    this.#answers.set(key, true);
    return { cached: false, usage };
  }
}
