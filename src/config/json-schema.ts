import { z } from 'zod';
import { configSchema } from './schema.ts';
import { noSecrets } from './secrets.ts';

/** The parts of a JSON Schema that describe settings. */
export interface EditorSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, EditorSchema>>;
  readonly additionalProperties?: EditorSchema | boolean;
  readonly items?: EditorSchema;
  readonly anyOf?: readonly EditorSchema[];
}

let cached: EditorSchema | null = null;

/** The JSON Schema (draft 7, which editors know best) of the configuration file as it is written. */
export function configJsonSchema(): EditorSchema {
  cached ??= {
    ...z.toJSONSchema(configSchema(noSecrets), { io: 'input', target: 'draft-07' }),
    title: 'Latchkey configuration',
  } as EditorSchema;
  return cached;
}

/** The names that settings have at one place of the file; empty where any name may stand, or none. */
export function knownSettings(path: readonly PropertyKey[]): string[] {
  let places: readonly EditorSchema[] = [configJsonSchema()];
  for (const part of path) places = places.flatMap((place) => inside(place, part));
  return places
    .flatMap((place) => [place, ...(place.anyOf ?? [])])
    .flatMap((place) => Object.keys(place.properties ?? {}));
}

function inside(place: EditorSchema, part: PropertyKey): EditorSchema[] {
  const found: EditorSchema[] = [];
  for (const option of [place, ...(place.anyOf ?? [])]) {
    const named = option.properties?.[String(part)];
    if (named !== undefined) found.push(named);
    else if (typeof option.additionalProperties === 'object') found.push(option.additionalProperties);
    else if (typeof part === 'number' && option.items !== undefined) found.push(option.items);
  }
  return found;
}
