import { TEST_VIEWS } from './embedded-clickhouse.ts';

/** The attributes of spans that the view of stored spans reads, by the text of the view itself. */
export function declaredViewNames(): string[] {
  const view = TEST_VIEWS.find(({ name }) => name === 'spans_view');
  const names = [...(view?.select ?? '').matchAll(/\ba\['([^']+)'\]/g)].map(([, name = '']) => name);
  return [...new Set(names)];
}
