import { useRef, useState } from 'preact/hooks';
import { ApiError } from './api-client.ts';
import { type FieldProblems, type FormValues, placeProblem } from './form-problems.ts';

export interface FormOptions<Values extends FormValues, Result> {
  readonly initial: Values;
  /** What can be seen without asking the server; shown after the first attempt to send. */
  readonly check?: (values: Values) => FieldProblems;
  readonly send: (values: Values) => Promise<Result>;
  readonly onSent?: (result: Result, values: Values) => void;
}

export interface FieldBinding {
  readonly name: string;
  readonly value: string | boolean;
  readonly problem: string | undefined;
  readonly set: (value: string | boolean) => void;
}

export interface FormState<Values extends FormValues> {
  readonly values: Values;
  readonly sending: boolean;
  /** Of no field in particular. */
  readonly problem: string | undefined;
  readonly error: ApiError | undefined;
  readonly field: (name: keyof Values & string) => FieldBinding;
  readonly change: (part: Partial<Values>) => void;
  /** Sends; with `part`, as if that had been typed first. */
  readonly submit: (part?: Partial<Values>) => void;
  /** Forgets what was refused. */
  readonly clear: () => void;
}

/** What was thrown, as an error that people can be shown. */
export function asApiError(thrown: unknown): ApiError {
  return thrown instanceof ApiError ? thrown : new ApiError(0, 'It could not be sent');
}

/**
 * A form's values and what became of sending them. Checks come before the request, refusals of the server stand at the
 * field that it points to until that field changes; a second click while it is sending does nothing.
 */
export function useForm<Values extends FormValues, Result>(options: FormOptions<Values, Result>): FormState<Values> {
  const [values, setValues] = useState(options.initial);
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<ApiError | undefined>();
  const [changed, setChanged] = useState<ReadonlySet<string>>(new Set());
  const running = useRef(false);

  const checks = options.check?.(values) ?? {};
  const refused = error === undefined ? undefined : placeProblem(error, Object.keys(options.initial));

  const change = (part: Partial<Values>) => {
    setValues((before) => ({ ...before, ...part }));
    setChanged((before) => new Set([...before, ...Object.keys(part)]));
  };
  const submit = async (part: Partial<Values> = {}) => {
    setTried(true);
    if (Object.keys(checks).length > 0 || running.current) return;
    const sent = { ...values, ...part };
    running.current = true;
    setSending(true);
    setError(undefined);
    setChanged(new Set());
    try {
      const result = await options.send(sent);
      options.onSent?.(result, sent);
    } catch (thrown) {
      setError(asApiError(thrown));
    } finally {
      running.current = false;
      setSending(false);
    }
  };

  return {
    values,
    sending,
    error,
    problem: refused?.form,
    field: (name) => ({
      name,
      value: values[name] ?? '',
      problem: (tried ? checks[name] : undefined) ?? (changed.has(name) ? undefined : refused?.fields[name]),
      set: (value) => change({ [name]: value } as Partial<Values>),
    }),
    change,
    submit: (part) => void submit(part),
    clear: () => setError(undefined),
  };
}
