import { useState } from 'preact/hooks';
import { serverNow } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { type ExportFormat, exportHref, statementHref } from './usage-api.ts';
import { statementMonths } from './usage-model.ts';
import '../styles/account.css';

const FORMATS: readonly (readonly [ExportFormat, string])[] = [
  ['csv', 'CSV'],
  ['json', 'JSON'],
  ['parquet', 'Parquet'],
];

const monthFormat = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

/** The monthly statement as a page, and the period's figures as files. */
export function Downloads(props: { tenantId: string; window: RangeWindow }) {
  const { tenantId, window } = props;
  const months = statementMonths(serverNow());
  const [month, setMonth] = useState(months[0] ?? '');
  return (
    <section class="usage-section" aria-labelledby="downloads-title">
      <h2 id="downloads-title">Statements and exports</h2>
      <div class="downloads card">
        <div class="download">
          <label class="field-label" for="statement-month">
            Monthly statement
          </label>
          <span class="download-row">
            <select
              id="statement-month"
              class="select"
              value={month}
              onChange={(event) => setMonth(event.currentTarget.value)}
            >
              {months.map((one) => (
                <option key={one} value={one}>
                  {monthFormat.format(Date.parse(`${one}-01`))}
                </option>
              ))}
            </select>
            <a
              class="button small"
              href={statementHref(tenantId, month)}
              target="_blank"
              rel="noreferrer"
              data-testid="statement"
            >
              Open to print or save
            </a>
          </span>
        </div>
        {(['usage', 'quotas'] as const).map((dataset) => (
          <div key={dataset} class="download">
            <span class="field-label">{dataset === 'usage' ? 'Usage of this period by day' : 'Plan and quotas'}</span>
            <span class="download-row">
              {FORMATS.map(([format, label]) => (
                <a
                  key={format}
                  class="button small"
                  href={exportHref(dataset, tenantId, window, format)}
                  download
                  aria-label={`${dataset === 'usage' ? 'Usage' : 'Quotas'} as ${label}`}
                  data-testid={`export-${dataset}-${format}`}
                >
                  {label}
                </a>
              ))}
            </span>
          </div>
        ))}
      </div>
    </section>
  );
}
