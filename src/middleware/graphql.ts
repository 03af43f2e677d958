/**
 * GraphQL: every request is `POST /graphql`, so that a route says nothing. Here one operation becomes one route,
 * `/graphql#GetOrders`, beside the attributes that semantic conventions have for it.
 */
import { context } from '@opentelemetry/api';
import { countInProcess } from './counters.ts';
import { guarded } from './guard.ts';
import { replaceRoute, serverSpanIn } from './server-span.ts';

/** A parsed document, as far as it is needed. */
export interface GraphqlDocument {
  readonly definitions: readonly {
    readonly kind: string;
    readonly operation?: string;
    readonly name?: { readonly value: string } | undefined;
  }[];
}

/** Which operations become routes, and below which path. */
export interface GraphqlOptions {
  /** The operations that become routes of their own, where clients send only known ones. Default: any. */
  readonly operations?: readonly string[];
  /** Most operations that become routes while the process runs; later ones share `#(other)`. Default 200. */
  readonly maxOperations?: number;
  /** The endpoint's path. Default `/graphql`. */
  readonly path?: string;
}

/** Says which operation runs. Never throws. */
export type MarkOperation = (document: GraphqlDocument, operationName?: string | null) => void;

const MAX_NAME_LENGTH = 100;
const OPERATIONS = new Set(['query', 'mutation', 'subscription']);

interface Operation {
  readonly type: string;
  readonly name: string | undefined;
}

/** The operation that a server picks (spec 6.1): the one named, or the only one. */
function operationIn(document: GraphqlDocument, wanted: string | null | undefined): Operation | undefined {
  const all = document.definitions.filter(({ kind }) => kind === 'OperationDefinition');
  const named = all.find(({ name }) => name?.value === wanted);
  const picked = wanted ? named : all.length === 1 ? all[0] : undefined;
  return picked?.operation !== undefined && OPERATIONS.has(picked.operation)
    ? { type: picked.operation, name: picked.name?.value }
    : undefined;
}

/**
 * A function that gives the current request the route of its GraphQL operation, to be called once the document is
 * parsed and valid. Clients choose the names, so their number is bounded.
 */
export function graphqlMarker(options: GraphqlOptions = {}): MarkOperation {
  const { operations, maxOperations = 200, path = '/graphql' } = options;
  const allowed = operations && new Set(operations);
  const seen = new Set<string>();
  const label = (name: string | undefined): string => {
    if (name === undefined) return '(anonymous)';
    if (allowed !== undefined) return allowed.has(name) ? name : '(other)';
    if (seen.has(name)) return name;
    if (seen.size >= maxOperations || name.length > MAX_NAME_LENGTH) return '(other)';
    seen.add(name);
    return name;
  };
  return (document, operationName) =>
    guarded(
      countInProcess,
      'hook_failed',
      () => {
        const operation = operationIn(document, operationName);
        if (operation === undefined) return;
        const name = label(operation.name);
        const active = context.active();
        replaceRoute(active, `${path}#${name}`);
        serverSpanIn(active)?.setAttributes({
          'graphql.operation.type': operation.type,
          ...(operation.name === name ? { 'graphql.operation.name': name } : {}),
        });
      },
      undefined,
    );
}

/**
 * Wraps graphql-js's `execute` or `subscribe` (or what a server takes in their place), which runs once the document is
 * valid: `createHandler({ schema, execute: graphqlExecute(execute) })` with graphql-http. What it returns is handed on.
 */
export function graphqlExecute<
  A extends { readonly document: GraphqlDocument; readonly operationName?: string | null | undefined },
  R,
>(execute: (args: A) => R, options: GraphqlOptions = {}): (args: A) => R {
  const mark = graphqlMarker(options);
  return (args) => {
    mark(args.document, args.operationName);
    return execute(args);
  };
}

/** What Apollo Server hands to a plugin, as far as it is needed. */
interface ApolloRequest {
  readonly document?: GraphqlDocument;
  readonly operationName?: string | null;
}

/** A plugin for Apollo Server 4 and 5: `new ApolloServer({ plugins: [graphqlApolloPlugin()] })`. */
export function graphqlApolloPlugin(options: GraphqlOptions = {}) {
  const mark = graphqlMarker(options);
  const didResolveOperation = async ({ document, operationName }: ApolloRequest): Promise<void> => {
    if (document !== undefined) mark(document, operationName);
  };
  return { requestDidStart: async () => ({ didResolveOperation }) };
}
