#!/usr/bin/env node
import { toError } from '../domain/errors.ts';
import { explainError, explanationText, isForeseen } from './explain-error.ts';
import { createProgram } from './program.ts';

const program = await createProgram(process.argv[2] ?? '');

try {
  await program.parseAsync();
} catch (thrown) {
  process.stderr.write(`${explanationText(explainError(thrown))}\n`);
  if (!isForeseen(thrown)) process.stderr.write(`${toError(thrown).stack ?? ''}\n`);
  process.exitCode = 1;
}
