import type { ComponentChildren } from 'preact';
import { Chart, type ChartProps } from '../shared/chart.tsx';
import type { Mark } from '../shared/chart-options.ts';
import type { Zone } from '../shared/time-format.ts';
import type { TimeRange } from '../shared/time-range.ts';
import type { Live } from '../shared/use-live.ts';
import type { Metrics } from './use-metrics.ts';

/** What every section of charts on a tenant's page gets. */
export interface SectionProps {
  readonly tenantId: string;
  readonly range: TimeRange;
  readonly zone: Zone;
  readonly themeKey: string;
  readonly marks: readonly Mark[];
  readonly onSelect: (from: number, to: number) => void;
}

/** Charts of one subject; says so itself when its figures cannot be had, so that the other sections stay usable. */
export function ChartSection<Key extends string>(props: {
  title: string;
  live: Live<Metrics<Key>>;
  actions?: ComponentChildren;
  children: (metrics: Metrics<Key>) => ComponentChildren;
}) {
  const { data, error } = props.live;
  return (
    <section class="chart-section" aria-label={props.title}>
      <header class="section-head">
        <h2>{props.title}</h2>
        {error && (
          <span class="bad-text small" role="status">
            {data === undefined ? 'No figures' : 'Not updating'}: {error.message}
          </span>
        )}
        {props.actions}
      </header>
      <div class="charts">
        {data === undefined ? !error && <div class="chart card loading">Loading …</div> : props.children(data)}
      </div>
    </section>
  );
}

type OwnProps = 'title' | 'unit' | 'lines' | 'format' | 'empty' | 'note' | 'palette' | 'testId' | 'onPick';

/** A chart with what its section knows filled in. */
export function SectionChart(props: Pick<ChartProps, OwnProps> & { section: SectionProps; metrics: Metrics<string> }) {
  const { section, metrics, ...own } = props;
  return (
    <Chart
      {...own}
      stepSeconds={metrics.stepSeconds}
      window={metrics.window}
      zone={section.zone}
      themeKey={section.themeKey}
      marks={section.marks}
      onSelect={section.onSelect}
    />
  );
}
