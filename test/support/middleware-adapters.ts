/** One small app, written once for each framework, behind the adapter for it. */
import 'reflect-metadata';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { serve } from '@hono/node-server';
import { Catch, Controller, Get, HttpCode, Module, Param, Post, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import * as forExpress from '../../src/middleware/express.ts';
import * as forFastify from '../../src/middleware/fastify.ts';
import * as forHono from '../../src/middleware/hono.ts';
import type { GateOptions, RequireTenantOptions } from '../../src/middleware/index.ts';
import * as forKoa from '../../src/middleware/koa.ts';
import * as forNode from '../../src/middleware/node-http.ts';

/** What the app does, whatever carries it. */
export interface AppParts {
  /** GET /orders/:id, answered as JSON. */
  order(id: string): Promise<unknown>;
  /** POST /echo, answered as text. */
  echo(body: string): Promise<string>;
  /** GET /stream: chunks sent one after the other. */
  stream(): AsyncIterable<Buffer>;
  /** GET /boom throws this. */
  readonly fault: Error;
  /** What the app's own error handling got. */
  onError(error: unknown): void;
  /** GET /private answers `order('private')` behind this. */
  readonly require: RequireTenantOptions;
}

export interface RunningApp {
  readonly url: string;
  close(): Promise<void>;
}

export interface Adapter {
  readonly name: string;
  start(options: GateOptions, parts: AppParts): Promise<RunningApp>;
}

async function listening(server: Server): Promise<RunningApp> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

const expressAdapter: Adapter = {
  name: 'express',
  start: (options, parts) => {
    const app = express();
    app.use(forExpress.tenantryExpress(options));
    app.use(express.text({ limit: '1mb' }));
    const orders = express.Router();
    orders.get('/:id', async (request, response) => {
      response.json(await parts.order(request.params.id));
    });
    app.use('/orders', orders);
    app.post('/echo', async (request, response) => {
      response.type('text').send(await parts.echo(String(request.body)));
    });
    app.get('/stream', (_request, response) => Readable.from(parts.stream()).pipe(response));
    app.get('/private', forExpress.requireTenant(parts.require), async (_request, response) => {
      response.json(await parts.order('private'));
    });
    app.get('/healthz', (_request, response) => response.json('healthy'));
    app.get('/boom', () => {
      throw parts.fault;
    });
    app.use(((error, _request, response, _next) => {
      parts.onError(error);
      response.status(500).send('app fault');
    }) satisfies express.ErrorRequestHandler);
    return listening(createServer(app));
  },
};

const koaAdapter: Adapter = {
  name: 'koa',
  start: (options, parts) => {
    const app = new Koa();
    app.silent = true;
    app.use(async (ctx, next) => {
      try {
        await next();
      } catch (error) {
        parts.onError(error);
        ctx.status = 500;
        ctx.body = 'app fault';
      }
    });
    app.use(forKoa.tenantryKoa(options));
    app.use(async (ctx, next) => {
      if (ctx.path === '/private') await forKoa.requireTenant(parts.require)(ctx, next);
      else await next();
    });
    app.use(async (ctx) => {
      const [, order] = /^\/orders\/(.+)$/.exec(ctx.path) ?? [];
      // As @koa/router does.
      if (order !== undefined) Object.assign(ctx, { _matchedRoute: '/orders/:id' });
      if (order !== undefined) ctx.body = await parts.order(order);
      else if (ctx.path === '/private') ctx.body = await parts.order('private');
      else if (ctx.path === '/echo') ctx.body = await parts.echo(await textOf(ctx.req));
      else if (ctx.path === '/stream') ctx.body = Readable.from(parts.stream());
      else if (ctx.path === '/healthz') ctx.body = 'healthy';
      else throw parts.fault;
    });
    const callback = app.callback();
    return listening(createServer((request, response) => void callback(request, response)));
  },
};

const honoAdapter: Adapter = {
  name: 'hono',
  start: async (options, parts) => {
    const app = new Hono();
    app.use(forHono.tenantryHono(options));
    app.get('/orders/:id', async (c) => c.json(await parts.order(c.req.param('id'))));
    app.post('/echo', async (c) => c.text(await parts.echo(await c.req.text())));
    app.get('/stream', () => new Response(Readable.toWeb(Readable.from(parts.stream())) as ReadableStream));
    app.get('/private', forHono.requireTenant(parts.require), async (c) => c.json(await parts.order('private')));
    app.get('/healthz', (c) => c.json('healthy'));
    app.get('/boom', () => {
      throw parts.fault;
    });
    app.onError((error, c) => {
      parts.onError(error);
      return c.text('app fault', 500);
    });
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
    if (!server.listening) await new Promise((resolve) => server.once('listening', resolve));
    return await listening(server);
  },
};

const fastifyAdapter: Adapter = {
  name: 'fastify',
  start: async (options, parts) => {
    const app = fastify();
    await app.register(forFastify.tenantryFastify, options);
    app.setErrorHandler((error, _request, reply) => {
      parts.onError(error);
      return reply.code(500).send('app fault');
    });
    app.get<{ Params: { id: string } }>('/orders/:id', (request) => parts.order(request.params.id));
    app.post('/echo', (request) => parts.echo(String(request.body)));
    app.get('/stream', (_request, reply) => reply.send(Readable.from(parts.stream())));
    app.get('/private', { preHandler: forFastify.requireTenant(parts.require) }, () => parts.order('private'));
    app.get('/healthz', () => 'healthy');
    app.get('/boom', () => {
      throw parts.fault;
    });
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    return { url, close: () => app.close() };
  },
};

const nodeAdapter: Adapter = {
  name: 'node:http',
  start: (options, parts) => {
    const order: forNode.NodeHttpHandler = async (request, response) => {
      const [, id = 'private'] = /^\/orders\/([^?]+)/.exec(request.url ?? '') ?? [];
      response.end(JSON.stringify(await parts.order(id)));
    };
    const guarded = forNode.requireTenant(order, parts.require);
    const handler: forNode.NodeHttpHandler = async (request, response) => {
      try {
        if (request.url === '/private') await guarded(request, response);
        else if (request.url?.startsWith('/orders/')) await order(request, response);
        else if (request.url === '/echo') response.end(await parts.echo(await textOf(request)));
        else if (request.url === '/stream') Readable.from(parts.stream()).pipe(response);
        else if (request.url === '/healthz') response.end('healthy');
        else throw parts.fault;
      } catch (error) {
        parts.onError(error);
        response.writeHead(500).end('app fault');
      }
    };
    const route = ({ url }: IncomingMessage) => (url?.startsWith('/orders/') ? '/orders/:id' : url);
    return listening(createServer(forNode.withTenantry(handler, { ...options, route })));
  },
};

interface NestResponse {
  type(name: string): NestResponse;
  send(body: string): void;
  status(code: number): NestResponse;
}

/** Nest by its decorators' plain functions, as the build strips types only. */
function nestModule(parts: AppParts) {
  class Orders {
    order(id: string) {
      return parts.order(id);
    }
    private() {
      return parts.order('private');
    }
    echo(request: { body: unknown }) {
      return parts.echo(String(request.body));
    }
    stream(response: NodeJS.WritableStream) {
      Readable.from(parts.stream()).pipe(response);
    }
    boom() {
      throw parts.fault;
    }
    healthz() {
      return 'healthy';
    }
  }
  const routes = {
    order: Get('orders/:id'),
    private: Get('private'),
    echo: Post('echo'),
    stream: Get('stream'),
    boom: Get('boom'),
    healthz: Get('healthz'),
  };
  for (const [name, decorate] of Object.entries(routes)) {
    const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, name);
    if (descriptor !== undefined) decorate(Orders.prototype, name, descriptor);
  }
  const echo = Object.getOwnPropertyDescriptor(Orders.prototype, 'echo');
  // Nest answers POST with 201 where nothing is said.
  if (echo !== undefined) HttpCode(200)(Orders.prototype, 'echo', echo);
  Param('id')(Orders.prototype, 'order', 0);
  Req()(Orders.prototype, 'echo', 0);
  Res()(Orders.prototype, 'stream', 0);
  Controller()(Orders);
  class AppModule {}
  Module({ controllers: [Orders] })(AppModule);
  class Faults {
    catch(error: unknown, host: { switchToHttp(): { getResponse(): NestResponse } }) {
      parts.onError(error);
      host.switchToHttp().getResponse().status(500).send('app fault');
    }
  }
  Catch()(Faults);
  return { AppModule, Faults };
}

const nestAdapter: Adapter = {
  name: 'nestjs on express',
  start: async (options, parts) => {
    const { AppModule, Faults } = nestModule(parts);
    const app = await NestFactory.create(AppModule, { logger: false, bodyParser: false });
    app.use(forExpress.tenantryExpress(options));
    app.use(express.text({ limit: '1mb' }));
    app.use('/private', forExpress.requireTenant(parts.require));
    app.useGlobalFilters(new Faults());
    await app.init();
    const server = app.getHttpServer() as Server;
    const running = await listening(server);
    return {
      url: running.url,
      close: async () => {
        server.closeAllConnections();
        await app.close();
      },
    };
  },
};

export const ADAPTERS: readonly Adapter[] = [
  nodeAdapter,
  expressAdapter,
  koaAdapter,
  honoAdapter,
  fastifyAdapter,
  nestAdapter,
];
