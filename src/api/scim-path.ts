import { ScimError } from './scim-errors.ts';
import { parseFilter, type ScimFilter } from './scim-filter.ts';
import { findAttribute, type ScimResourceType, withoutUrn } from './scim-schema.ts';

/** Where an operation of a patch changes something. Names as the schema writes them. */
export interface ScimPath {
  readonly attribute: string;
  readonly part: string | undefined;
  readonly filter: ScimFilter | undefined;
  readonly isMultiValued: boolean;
  readonly isComplex: boolean;
  readonly isReadOnly: boolean;
}

const MAX_LENGTH = 4_096;
/** A name, which may stand behind a URN and have a part; then perhaps a filter, and behind that a part. */
const PATH = /^([^[\]]+)(?:\[(.*)\](?:\.([^.[\]]+))?)?$/su;

function refusal(detail: string): ScimError {
  return new ScimError('invalidPath', `A path cannot be followed: ${detail}.`);
}

/**
 * 'passed over': the path leads to an attribute of the standard that is not kept.
 * @throws ScimError invalidPath, invalidFilter
 */
export function parsePath(source: string, type: ScimResourceType): ScimPath | 'passed over' {
  if (source.length > MAX_LENGTH) throw refusal(`it has more than ${MAX_LENGTH} characters`);
  const [, written = '', inner, behind] = PATH.exec(source.trim()) ?? [];
  const name = withoutUrn(type, written);
  if (name === undefined) return 'passed over';
  const [first = '', second, ...rest] = name.split('.');
  const found = findAttribute(type, first, second ?? behind);
  if (found === 'passed over') return found;
  if (found === undefined || rest.length > 0 || (second !== undefined && behind !== undefined)) {
    throw refusal('it names an attribute that there is not');
  }
  const { attribute, part } = found;
  const isMultiValued = attribute.multiValued === true;
  if (inner !== undefined && !isMultiValued) throw refusal('only an attribute with several values takes a filter');
  return {
    ...{ attribute: attribute.name, part: part?.name, isMultiValued },
    filter: inner === undefined ? undefined : parseFilter(inner, type, attribute.name),
    isComplex: part === undefined && attribute.parts !== undefined,
    isReadOnly: attribute.readOnly === true,
  };
}
