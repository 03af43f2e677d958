/** What changed between two records of the audit log, in one line; values are other people's, names are the log's. */
export function changeText(before: unknown, after: unknown): string {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const changes = names
      .filter((name) => valueText(before[name]) !== valueText(after[name]))
      .map((name) => `${name}: ${valueText(before[name])} → ${valueText(after[name])}`);
    return changes.length === 0 ? 'no change' : changes.join('; ');
  }
  const [left, right] = [partText(before), partText(after)];
  if (left === '') return right;
  return right === '' ? `was ${left}` : `${left} → ${right}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function partText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (!isRecord(value)) return valueText(value);
  return Object.entries(value)
    .map(([name, of]) => `${name}: ${valueText(of)}`)
    .join('; ');
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
