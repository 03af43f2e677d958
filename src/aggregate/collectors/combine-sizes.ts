import type { MeasuredSize } from '../../domain/storage.ts';
import { compareText } from '../../domain/text-order.ts';

/** One size for each tenant, part and kind of store; errors of independent measurements add up in squares. */
export function combineSizes(sizes: Iterable<MeasuredSize>): MeasuredSize[] {
  const combined = new Map<string, MeasuredSize>();
  for (const size of sizes) {
    const key = JSON.stringify([size.tenantId, size.part ?? null, size.kind]);
    const before = combined.get(key);
    combined.set(key, before === undefined ? size : together(before, size));
  }
  return [...combined.values()].toSorted(
    (left, right) => compareText(left.tenantId, right.tenantId) || compareText(left.part ?? '', right.part ?? ''),
  );
}

function together(left: MeasuredSize, right: MeasuredSize): MeasuredSize {
  const objects = left.objects === null || right.objects === null ? null : left.objects + right.objects;
  const methods = [...new Set([...left.method.split(' + '), ...right.method.split(' + ')])].toSorted(compareText);
  return {
    ...left,
    bytes: left.bytes + right.bytes,
    errorBytes:
      left.errorBytes === null || right.errorBytes === null
        ? null
        : BigInt(Math.ceil(Math.hypot(Number(left.errorBytes), Number(right.errorBytes)))),
    objects,
    method: methods.join(' + '),
  };
}
