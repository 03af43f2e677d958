import { ERRORS, TenantryError, toError } from '../domain/errors.ts';

export interface Explanation {
  readonly title: string;
  readonly detail: string;
  readonly hint: string | undefined;
}

/** A child process did not come up, and has said why in its own words. */
export class ChildFailed extends Error {
  readonly explanation: Explanation;

  constructor(explanation: Explanation) {
    super(explanation.detail);
    this.name = 'ChildFailed';
    this.explanation = explanation;
  }
}

/** Whether the explanation says everything; else the stack is worth printing. */
export function isForeseen(thrown: unknown): boolean {
  return thrown instanceof TenantryError || thrown instanceof ChildFailed;
}

/** An error in words for whoever started the command: what, why, and what to do next. */
export function explainError(thrown: unknown): Explanation {
  if (thrown instanceof TenantryError) {
    return { title: ERRORS[thrown.code].title, detail: thrown.message, hint: thrown.hint };
  }
  if (thrown instanceof ChildFailed) return thrown.explanation;
  const error = toError(thrown);
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return {
      title: 'A port is taken',
      detail: error.message,
      hint: 'Stop the other program, or choose another port: TENANTRY_API_PORT, TENANTRY_OTLP_HTTP_PORT, TENANTRY_OTLP_GRPC_PORT (0 picks a free one).',
    };
  }
  return {
    title: 'Tenantry did not start',
    detail: error.message,
    hint: 'Run with TENANTRY_LOG_LEVEL=debug for more.',
  };
}

export function explanationText({ title, detail, hint }: Explanation): string {
  return [`error: ${title}`, `  ${detail}`, ...(hint === undefined ? [] : [`  ${hint}`])].join('\n');
}
