import { navigate } from './navigation.tsx';
import { withQuery } from './router.ts';
import { timeText, type Zone } from './time-format.ts';
import { PRESETS, type TimeRange, withRange } from './time-range.ts';

/** Chooses the window and writes it into the URL; `drop` names what a new window makes meaningless (a page's cursor). */
export function RangePicker(props: { range: TimeRange; query: URLSearchParams; zone: Zone; drop?: readonly string[] }) {
  const { range } = props;
  const clock = timeText(props.zone);
  const choose = (next: TimeRange) => {
    const query = withRange(props.query, next);
    for (const name of props.drop ?? []) query.delete(name);
    navigate(withQuery(location.pathname, query));
  };
  return (
    <fieldset class="segmented" data-testid="range-picker">
      <legend class="visually-hidden">Time range</legend>
      {range.kind === 'fixed' && (
        <span class="segment fixed-range" aria-current="true">
          {clock.dateMinute(range.from)} – {clock.dateMinute(range.to)}
        </span>
      )}
      {PRESETS.map((preset) => {
        const active = range.kind === 'last' && range.preset === preset.id;
        return (
          <button
            key={preset.id}
            type="button"
            class="segment"
            aria-pressed={active}
            title={preset.name}
            onClick={() => choose({ kind: 'last', preset: preset.id })}
          >
            {preset.label}
          </button>
        );
      })}
    </fieldset>
  );
}
