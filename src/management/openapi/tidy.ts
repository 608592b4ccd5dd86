import type { ZodOpenApiOverrideContext } from 'zod-openapi';

/**
 * Says in JSON Schema what matters to a caller, and no more. Parameters that are sent as text and read as numbers or
 * booleans are described as what they are (`override` of their schema). Answers may get further fields one day, so that
 * nobody should be told that there are none.
 */
export function tidy({ jsonSchema, io }: ZodOpenApiOverrideContext): void {
  const schema = jsonSchema as Record<string, unknown>;
  if (schema['override'] !== undefined) {
    delete schema['pattern'];
    delete schema['enum'];
  }
  // zod's pattern says what the format says, in 300 characters.
  if (schema['format'] === 'date-time') delete schema['pattern'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  const names = schema['propertyNames'] as { readonly type?: unknown } | undefined;
  if (names?.type === 'string' && Object.keys(names).length === 1) delete schema['propertyNames'];
  if (io === 'output' && schema['additionalProperties'] === false) delete schema['additionalProperties'];
}
