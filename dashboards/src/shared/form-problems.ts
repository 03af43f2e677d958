/** What is wrong with a form, by the name of its field. */
/** What was typed, as text; check marks are booleans. */
export type FormValues = Readonly<Record<string, string | boolean>>;

export type FieldProblems = Readonly<Record<string, string>>;

/** A refusal of the server, as far as forms need it. */
export interface Refusal {
  readonly message: string;
  readonly problem?: { readonly hint?: string; readonly pointer?: string } | undefined;
}

export interface PlacedProblems {
  /** Said beside the field. */
  readonly fields: FieldProblems;
  /** Said above the buttons, because no field of the form is at fault. */
  readonly form: string | undefined;
}

/** The words behind `body field "target.url": `, which repeat what the field's place says already. */
const PREFIX = /^body field "(?:[^"\\]|\\.)*": /;

function unescapePart(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The field that a JSON pointer (RFC 6901) is about: the one of the whole path joined with dots (`target.url`), else
 * the one of its last name (`url`), else that of a beginning of the path (`quotas` for `/quotas/3/limit`).
 */
export function fieldAt(pointer: string, names: readonly string[]): string | undefined {
  const parts = pointer.split('/').slice(1).map(unescapePart);
  const candidates = [
    ...parts.map((_part, index) => parts.slice(0, parts.length - index).join('.')),
    ...parts.toReversed(),
  ];
  const [whole, ...rest] = candidates;
  const last = parts.at(-1);
  return [whole, last, ...rest].find((name) => name !== undefined && names.includes(name));
}

/** Puts a refusal where it belongs. */
export function placeProblem(refusal: Refusal, names: readonly string[]): PlacedProblems {
  const { message, problem } = refusal;
  const field = problem?.pointer === undefined ? undefined : fieldAt(problem.pointer, names);
  if (field === undefined) {
    return { fields: {}, form: problem?.hint === undefined ? message : `${message} ${problem.hint}` };
  }
  return { fields: { [field]: sentence(message.replace(PREFIX, '')) }, form: undefined };
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
