import { exactAmount, formatAmount, type Micro } from '../shared/money.ts';
import { differenceOf, sumMicro } from './money-sum.ts';

/** Adds what stands above and says whether it comes to `total`, to the last micro-unit. */
export function Checked(props: { parts: readonly Micro[]; total: Micro; currency: string; testId?: string }) {
  const { parts, total, currency } = props;
  const sum = sumMicro(parts);
  const difference = differenceOf(total, sum);
  const title = `${parts.length} figures, together ${exactAmount(sum, currency)}`;
  return difference === 0 ? (
    <p class="checked" title={title} data-testid={props.testId ?? 'checked'}>
      Adds up to {formatAmount(total, currency)}: checked
    </p>
  ) : (
    <p class="checked bad" role="alert" title={title} data-testid={props.testId ?? 'checked'}>
      Does not add up: {formatAmount(sum, currency)} here, {formatAmount(total, currency)} in all, a difference of{' '}
      {formatAmount(difference, currency)}. This is a fault of Tenantry, please report it.
    </p>
  );
}

/** An amount in the usual decimals; all six in its title. `null`: unknown, which is a word and not a zero. */
export function Amount(props: { micro: Micro | null; currency: string; why?: string | undefined }) {
  const { micro, currency } = props;
  if (micro === null) {
    return (
      <span class="muted" title={props.why}>
        unknown
      </span>
    );
  }
  return (
    <span class={Number(micro) < 0 ? 'bad-text' : undefined} title={exactAmount(micro, currency)}>
      {formatAmount(micro, currency)}
    </span>
  );
}
