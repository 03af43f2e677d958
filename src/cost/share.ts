/**
 * Dividing money without losing any. Both functions are the method of largest remainder over integers: everybody gets
 * the whole part of what is due, and the units left over go one each to the largest remainders, ties to whoever stands
 * first. Callers pass entries in the order of their ids, so that the result does not depend on how they came.
 */

/**
 * Shares of `amount` in proportion to `weights` (each at least 0, one above 0). They add up to `amount` exactly; each is
 * within one unit of what is due, has the sign of `amount` or is 0, and is 0 where the weight is 0.
 * @throws RangeError for a negative weight, or when no weight is above 0
 */
export function shareOut(amount: bigint, weights: readonly bigint[]): bigint[] {
  let total = 0n;
  for (const weight of weights) {
    if (weight < 0n) throw new RangeError('A weight must not be negative');
    total += weight;
  }
  if (total === 0n) throw new RangeError('One weight must be above 0');
  const magnitude = amount < 0n ? -amount : amount;
  const shares = largestRemainder(
    weights.map((weight) => magnitude * weight),
    total,
    magnitude,
  );
  return amount < 0n ? shares.map((share) => -share) : shares;
}

/**
 * Exact amounts, given as multiples of 1/`unit`, rounded to whole numbers that add up to `total`. Each is its exact
 * amount rounded up or down: none changes its sign, and what is whole stays.
 * @throws RangeError when `total` is not the sum rounded up or down
 */
export function roundTogether(exact: readonly bigint[], unit: bigint, total: bigint): bigint[] {
  return largestRemainder(exact, unit, total);
}

function largestRemainder(numerators: readonly bigint[], denominator: bigint, total: bigint): bigint[] {
  const whole: bigint[] = [];
  const rests: { readonly rest: bigint; readonly index: number }[] = [];
  let left = total;
  for (const [index, numerator] of numerators.entries()) {
    const { quotient, rest } = floorDivision(numerator, denominator);
    whole.push(quotient);
    left -= quotient;
    if (rest > 0n) rests.push({ rest, index });
  }
  if (left < 0n || left > BigInt(rests.length)) throw new RangeError('The parts cannot add up to this total');
  // Most groups of a bill leave less over than there are tenants; nothing over needs no order.
  if (left === 0n) return whole;
  rests.sort((a, b) => (a.rest === b.rest ? a.index - b.index : a.rest > b.rest ? -1 : 1));
  for (const { index } of rests.slice(0, Number(left))) whole[index] = (whole[index] ?? 0n) + 1n;
  return whole;
}

/** Towards minus infinity, unlike `/` on negative numbers; the rest is never negative. */
function floorDivision(numerator: bigint, denominator: bigint): { quotient: bigint; rest: bigint } {
  const quotient = numerator / denominator;
  const rest = numerator - quotient * denominator;
  return rest < 0n ? { quotient: quotient - 1n, rest: rest + denominator } : { quotient, rest };
}
