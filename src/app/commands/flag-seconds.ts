import { InvalidArgumentError } from 'commander';

/** The life of a flag from the command line, as the API bounds it. @throws InvalidArgumentError */
export function flagSeconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 5 || value > 86_400) {
    throw new InvalidArgumentError('Give whole seconds, 5 to 86400.');
  }
  return value;
}
