import { useState } from 'preact/hooks';
import { type DayValue, type Measure, niceTop } from './usage-model.ts';
import '../styles/day-bars.css';

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
/** So that labels do not touch on a phone. */
const LABEL_EVERY = 7;

/** One bar a day. The value under the pointer, or of the day that the arrow keys have reached, is read out above. */
export function DayBars(props: { measure: Measure; days: readonly DayValue[]; total: number | null }) {
  const { measure, days } = props;
  const [at, setAt] = useState<number | null>(null);
  const top = niceTop(Math.max(0, ...days.map(({ value }) => value ?? 0)));
  const chosen = at === null ? undefined : days[at];
  const last = days.findLastIndex(({ isFuture }) => !isFuture);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, (at ?? last - step) + step)));
  };
  return (
    <figure class="bars card" data-testid="day-bars">
      <figcaption class="bars-head">
        <strong class="bars-value" data-testid="bars-value" aria-live="polite">
          {measure.format(chosen === undefined ? props.total : chosen.value)}
        </strong>
        <span class="muted">{chosen === undefined ? 'this period' : dayFormat.format(chosen.at)}</span>
      </figcaption>
      <div class="bars-plot">
        <div class="bars-axis muted" aria-hidden="true">
          <span>{measure.format(top)}</span>
          <span>{measure.format(top / 2)}</span>
          <span>0</span>
        </div>
        <div
          class="bars-columns"
          role="img"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys go from day to day
          tabIndex={0}
          aria-label={`${measure.label} by day. The arrow keys go from day to day; the table below has all values.`}
          onKeyDown={onKeyDown}
          onPointerLeave={() => setAt(null)}
          onBlur={() => setAt(null)}
        >
          {days.map((day, index) => (
            <span
              key={day.at}
              class={`bars-day${day.isFuture ? ' future' : ''}${index === at ? ' at' : ''}`}
              onPointerEnter={() => setAt(day.isFuture ? null : index)}
            >
              <span
                class="bars-bar"
                style={{ height: `${((day.value ?? 0) / top) * 100}%`, minHeight: (day.value ?? 0) > 0 ? '2px' : '0' }}
              />
            </span>
          ))}
        </div>
        <div class="bars-days muted" aria-hidden="true">
          {days.map((day, index) => (
            <span key={day.at}>
              {index % LABEL_EVERY === 0 && index < days.length - 2 ? dayFormat.format(day.at) : ''}
            </span>
          ))}
        </div>
      </div>
      <details class="bars-table">
        <summary>Values by day (UTC)</summary>
        <table class="figures">
          <caption class="visually-hidden">{measure.label} by day</caption>
          <thead>
            <tr>
              <th scope="col" class="left">
                Day
              </th>
              <th scope="col">{measure.label}</th>
            </tr>
          </thead>
          <tbody>
            {days
              .filter(({ isFuture }) => !isFuture)
              .map((day) => (
                <tr key={day.at} data-day={new Date(day.at).toISOString().slice(0, 10)}>
                  <td class="left">{dayFormat.format(day.at)}</td>
                  <td>{measure.format(day.value)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
