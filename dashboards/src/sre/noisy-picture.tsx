import { useState } from 'preact/hooks';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatDuration, formatPercent, formatShort, NO_VALUE } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { BAR_HEIGHT, BAR_TOP, type PictureColumn, type PictureRow, pictureOf } from './noisy-geometry.ts';
import { ChooseLink } from './noisy-link.tsx';
import { useWidth } from './noisy-use-width.ts';

interface PictureProps {
  look: NeighborsAnswer;
  /** Tenants with a throttle in force, and whether it refuses or only counts. */
  held: ReadonlyMap<string, 'enforce' | 'shadow'>;
  /** Where a click on a tenant leads: the same page with that one chosen. */
  hrefOf: (tenantId: string) => string;
  chosen: string | undefined;
}

/** Who uses how much against its usual, and from whoever did it an arrow to each whom it slows. */
export function NoisyPicture(props: PictureProps) {
  const { host, width } = useWidth();
  const picture = pictureOf(props.look, Math.max(280, width));
  return (
    <div ref={host} class="noisy-picture" data-testid="noisy-picture">
      {width > 0 && (
        <svg width={picture.width} height={picture.height} viewBox={`0 0 ${picture.width} ${picture.height}`}>
          <title>Who uses the service, and who is slow on it; the table below holds the same figures</title>
          <defs>
            <marker
              id="noisy-arrow"
              viewBox="0 0 8 8"
              refX="6"
              refY="4"
              markerWidth="9"
              markerHeight="9"
              markerUnits="userSpaceOnUse"
              orient="auto"
            >
              <path class="noisy-arrow-head" d="M0 0L8 4L0 8Z" />
            </marker>
          </defs>
          {picture.arrows.map((arrow) => (
            <path
              key={arrow.to}
              class="noisy-arrow"
              data-to={arrow.to}
              d={arrow.path}
              stroke-width={arrow.width}
              marker-end="url(#noisy-arrow)"
            />
          ))}
          <Column column={picture.load} {...props} />
          {picture.victims !== null && <Column column={picture.victims} {...props} />}
        </svg>
      )}
    </div>
  );
}

function Column({ column, ...props }: PictureProps & { column: PictureColumn }) {
  return (
    <g transform={`translate(${column.x} 0)`} class={`noisy-${column.part}`}>
      <text class="noisy-title" x={0} y={column.y + 14}>
        {column.title}
      </text>
      {column.rows.map((row) =>
        row.id === '' ? (
          <Row key={row.label} row={row} width={column.width} held={undefined} />
        ) : (
          <ChooseLink
            key={row.id}
            href={props.hrefOf(row.id)}
            class={`noisy-row${props.chosen === row.id ? ' chosen' : ''}`}
          >
            <title>{row.id}</title>
            <Row row={row} width={column.width} held={props.held.get(row.id)} />
          </ChooseLink>
        ),
      )}
    </g>
  );
}

function Row({ row, width, held }: { row: PictureRow; width: number; held: 'enforce' | 'shadow' | undefined }) {
  return (
    <g transform={`translate(0 ${row.y})`} class={`noisy-${row.role}`} data-tenant={row.id}>
      <rect class="noisy-hit" x={0} y={0} width={width} height={BAR_TOP + BAR_HEIGHT + 6} rx={4} />
      <text class="noisy-name" x={0} y={15}>
        {row.label}
        {held && <tspan class={`noisy-held ${held}`}> {held === 'enforce' ? 'throttled' : 'shadow'}</tspan>}
      </text>
      <text class="noisy-value" x={width} y={15} text-anchor="end">
        {row.value}
      </text>
      <rect class="noisy-track" x={0} y={BAR_TOP} width={width} height={BAR_HEIGHT} rx={3} />
      {row.bar > 0 && (
        <rect class="noisy-bar" x={0} y={BAR_TOP} width={Math.max(2, row.bar)} height={BAR_HEIGHT} rx={3} />
      )}
      {row.tick !== null && (
        <rect class="noisy-tick" x={Math.max(0, row.tick - 1)} y={BAR_TOP - 4} width={2} height={BAR_HEIGHT + 8} />
      )}
    </g>
  );
}

type Tenant = NonNullable<NeighborsAnswer['load']>['tenants'][number];

function columnsOf(look: NeighborsAnswer, query: URLSearchParams): TableColumn<Tenant>[] {
  const scores = new Map(look.suspects.map(({ tenant_id: id, score }) => [id, score]));
  const victims = new Set(look.victims.map(({ tenant_id: id }) => id));
  const roleOf = ({ tenant_id: id }: Tenant) => {
    if (victims.has(id)) return 'slow';
    if (look.verdict === 'culprit' && look.suspects[0]?.tenant_id === id) return 'did it';
    return '';
  };
  const amount = look.load?.meter === 'requests' ? formatShort : formatDuration;
  return [
    {
      id: 'tenant_id',
      label: 'Tenant',
      align: 'left',
      value: (row) => row.tenant_id,
      cell: (row) => <Link href={tenantHref(row.tenant_id, query)}>{row.tenant_id}</Link>,
    },
    { id: 'role', label: 'Part', align: 'left', value: roleOf },
    {
      id: 'score',
      label: 'Blame',
      about: '0 to 1',
      value: (row) => scores.get(row.tenant_id) ?? null,
      cell: (row) => blameText(scores.get(row.tenant_id)),
    },
    { id: 'share', label: 'Share', value: (row) => row.share, cell: (row) => formatPercent(row.share) },
    {
      id: 'usual_share',
      label: 'Usual share',
      value: (row) => row.usual_share,
      cell: (row) => formatPercent(row.usual_share),
    },
    { id: 'now', label: 'A minute', value: (row) => row.now, cell: (row) => amount(row.now) },
    { id: 'usual', label: 'Usually', value: (row) => row.usual, cell: (row) => amount(row.usual) },
    {
      id: 'requests',
      label: 'Requests / min',
      wide: true,
      value: (row) => row.requests_per_minute,
      cell: (row) => formatShort(row.requests_per_minute),
    },
    {
      id: 'usual_requests',
      label: 'Usually',
      wide: true,
      value: (row) => row.usual_requests_per_minute,
      cell: (row) => formatShort(row.usual_requests_per_minute),
    },
    { id: 'p95_ms', label: 'P95', value: (row) => row.p95_ms, cell: (row) => formatDuration(row.p95_ms) },
    {
      id: 'usual_p95_ms',
      label: 'Usual P95',
      value: (row) => row.usual_p95_ms,
      cell: (row) => formatDuration(row.usual_p95_ms),
    },
  ];
}

export function blameText(score: number | undefined): string {
  return score === undefined ? NO_VALUE : score.toFixed(2);
}

/** The same figures as the picture, and more of them, to read, sort and save. */
export function NoisyTable({ look, query }: { look: NeighborsAnswer; query: URLSearchParams }) {
  const [open, setOpen] = useState(false);
  if (look.load === null) return null;
  return (
    <details class="noisy-table" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as a table</summary>
      {open && (
        <DataTable
          id="neighbours"
          caption={`Tenants of ${look.service ?? ''} by their share of the load`}
          columns={columnsOf(look, query)}
          rows={look.load.tenants}
          rowKey={(row) => row.tenant_id}
          empty="Nobody used the service."
        />
      )}
    </details>
  );
}
