// Results on stdout: one JSON object on one line, or what people read.
import type { World } from './world.ts';

/** A resource as one line of JSON. */
export const printJson = (world: Pick<World, 'stdout'>, resource: unknown): void =>
  world.stdout(`${JSON.stringify(resource)}\n`);

/** A resource as JSON when that was asked for, else as text. */
export const print = <T>(
  world: Pick<World, 'stdout'>,
  { json }: { readonly json?: boolean },
  { resource, text }: { readonly resource: T; readonly text: (resource: T) => string },
): void => (json === true ? printJson(world, resource) : world.stdout(text(resource)));
