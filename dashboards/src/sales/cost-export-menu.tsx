import type { RangeWindow } from '../shared/time-range.ts';
import { exportLinks } from './cost-api.ts';

/** Files for spreadsheets and other tools, as the API makes them. */
export function ExportMenu(props: { window: RangeWindow; currency: string | undefined }) {
  return (
    <details class="menu" data-testid="export-menu">
      <summary class="button">Export</summary>
      <ul class="card menu-list">
        {exportLinks(props.window, props.currency).map(({ label, href }) => (
          <li key={href}>
            <a href={href} download>
              {label}
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}
