import { readdir } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CrossfadeError, errorMessage } from '../base/errors.ts';
import type { FunctionHandler } from './account/functions.ts';
import type { AccountIdentity } from './account/identity.ts';

/** Of one folder. */
const maxFunctions = 100;

/**
 * Lambda functions from a folder: what `NAME.js`, `NAME.mjs` or `NAME.ts` exports as `handler` is the function with the
 * ARN `arn:aws:lambda:REGION:ACCOUNT:function:NAME`. Rejects with CrossfadeError `functions` for a module without one.
 */
export async function loadFunctions(
  folder: string,
  { region, accountId }: AccountIdentity,
): Promise<ReadonlyMap<string, FunctionHandler>> {
  const names = (await readdir(folder)).filter((name) => ['.js', '.mjs', '.ts'].includes(extname(name)));
  if (names.length > maxFunctions) throw new CrossfadeError('functions', `Expected ${maxFunctions} functions at most`);
  const functions = new Map<string, FunctionHandler>();
  for (const name of names.sort()) {
    const module = await load(resolve(folder, name));
    if (typeof module.handler !== 'function') {
      throw new CrossfadeError('functions', `Expected ${name} to export a function named handler`);
    }
    const arn = `arn:aws:lambda:${region}:${accountId}:function:${basename(name, extname(name))}`;
    functions.set(arn, module.handler as FunctionHandler);
  }
  return functions;
}

async function load(file: string): Promise<{ readonly handler?: unknown }> {
  try {
    return (await import(pathToFileURL(file).href)) as { readonly handler?: unknown };
  } catch (error) {
    throw new CrossfadeError('functions', `${file} cannot be loaded: ${errorMessage(error)}`, { cause: error });
  }
}
