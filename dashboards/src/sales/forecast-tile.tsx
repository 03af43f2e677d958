import type { ForecastBody } from '../../../src/api/contract.ts';
import { NO_VALUE } from '../shared/format.ts';
import type { Live } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import { forecastWords } from './forecast-text.ts';

/** A forecast with its range and how often months end in it; says why where there is none. */
export function ForecastTile(props: { label: string; live: Live<ForecastBody | undefined>; testId: string }) {
  const { data, error } = props.live;
  const common = { label: props.label, testId: props.testId };
  if (data === undefined) {
    const sub = error === undefined ? 'Being worked out …' : error.message;
    return <Tile {...common} value={NO_VALUE} sub={sub} />;
  }
  const { expected, range, basis } = forecastWords(data);
  return <Tile {...common} value={expected ?? 'unknown'} sub={range} title={basis} />;
}
