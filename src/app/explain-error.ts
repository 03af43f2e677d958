import { ERRORS, TenantryError, toError } from '../domain/errors.ts';

export interface Explanation {
  readonly title: string;
  readonly detail: string;
  readonly hint: string | undefined;
}

/** An error in words for whoever started the command: what, why, and what to do next. */
export function explainError(thrown: unknown): Explanation {
  if (thrown instanceof TenantryError) {
    return { title: ERRORS[thrown.code].title, detail: thrown.message, hint: thrown.hint };
  }
  const error = toError(thrown);
  const { code } = error as { code?: unknown };
  if (code === 'EADDRINUSE') {
    return {
      title: 'A port is taken',
      detail: error.message,
      hint: 'Stop the other program, or choose another port: TENANTRY_API_PORT, TENANTRY_OTLP_HTTP_PORT (0 picks a free one).',
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
