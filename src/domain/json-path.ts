/** Paths into an event's data, in the plain part of RFC 9535 that names one value: `$.usage.tokens`, `$['a b'][0]`. */

export type JsonPathStep = string | number;

const STEP = /\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d{1,6})\]|\['((?:[^'\\]|\\['\\])+)'\]/y;
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const LONGEST_PATH = 512;

/** The one way to write a path: what is stored, compared and asked for. */
export function jsonPathText(steps: readonly JsonPathStep[]): string {
  return `$${steps.map(stepText).join('')}`;
}

/** The path in its one way to be written; undefined if it is none, or names more than one value. */
export function canonicalJsonPath(text: string): string | undefined {
  if (!text.startsWith('$') || text.length < 2 || text.length > LONGEST_PATH) return undefined;
  const steps: JsonPathStep[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const [match, name, index, quotedName] = STEP.exec(text) ?? [];
    if (match === undefined) return undefined;
    if (name !== undefined) steps.push(name);
    else if (index !== undefined) steps.push(Number(index));
    else steps.push((quotedName ?? '').replaceAll(/\\(['\\])/g, '$1'));
  }
  return jsonPathText(steps);
}

function stepText(step: JsonPathStep): string {
  if (typeof step === 'number') return `[${step}]`;
  return PLAIN_NAME.test(step) ? `.${step}` : `['${step.replaceAll(/['\\]/g, '\\$&')}']`;
}
