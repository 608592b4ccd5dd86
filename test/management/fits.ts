/** Holds what a server really answers to the OpenAPI document that it publishes. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { packageVersion } from '../../src/cli/version.ts';
import { managementEndpoints } from '../../src/management/endpoints/index.ts';
import { openApiDocument } from '../../src/management/openapi/index.ts';
import type { OpenApiDocument, Operation, Response } from '../../src/management/openapi/model.ts';
import { resolve } from '../../src/management/openapi/model.ts';

const ROOT = 'openapi';

/** The document that a gateway publishes. */
export function documentOf(): OpenApiDocument {
  const endpoints = managementEndpoints(() => {
    throw new Error('what an endpoint says of itself is enough for the document');
  });
  return openApiDocument(endpoints, { version: packageVersion() });
}

/** Checks values against the schemas of a document. */
export interface SchemaChecker {
  /**
   * What is wrong with a value; empty when nothing is.
   * @param pointer to a schema in the document, like `/components/schemas/Key`
   */
  faults(pointer: string, value: unknown): string[];
}

/** @param isClosed whether fields that an answer has and the document does not name are faults */
export function schemaChecker(document: OpenApiDocument, isClosed: boolean): SchemaChecker {
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: true, formats: fullFormats });
  ajv.addSchema(isClosed ? (closed(document) as object) : document, ROOT);
  return {
    faults(pointer, value) {
      const validate: ValidateFunction | undefined = ajv.getSchema(`${ROOT}#${pointer}`);
      if (validate === undefined) return [`the document has no ${pointer}`];
      if (validate(value)) return [];
      return (validate.errors ?? []).map(
        ({ instancePath, message, params }) => `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`,
      );
    },
  };
}

const checkers = new WeakMap<OpenApiDocument, SchemaChecker>();

/**
 * @param path   as it was asked for, without the query: `/api-keys/key_…`
 * @param body   parsed; undefined when there was none
 * @throws Error that says how the answer differs from what the document promises
 */
export function assertFits(
  document: OpenApiDocument,
  method: string,
  path: string,
  status: number,
  body: unknown,
): void {
  const template = templateOf(document, path);
  const operation = template === null ? undefined : document.paths[template]?.[method.toLowerCase()];
  if (template === null || operation === undefined) throw new Error(`the document has no ${method} ${path}`);
  const what = `${method} ${template} ${status}`;
  const { content, pointer } = answerOf(document, template, method, operation, status, what);
  if (content === undefined) {
    if (body !== undefined) throw new Error(`${what} has a body, which the document does not know`);
    return;
  }
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  const checker = checkers.get(document) ?? schemaChecker(document, true);
  checkers.set(document, checker);
  const faults = checker.faults(`${pointer}/content/${escaped(type)}/schema`, body);
  if (faults.length > 0) throw new Error(`${what} is not as documented:\n${faults.join('\n')}`);
}

function answerOf(
  document: OpenApiDocument,
  template: string,
  method: string,
  operation: Operation,
  status: number,
  what: string,
): { content: Response['content']; pointer: string } {
  const answer = operation.responses[String(status)];
  if (answer === undefined) throw new Error(`the document does not know ${what}`);
  const { content } = resolve(document, answer);
  const pointer =
    '$ref' in answer
      ? answer.$ref.replace(/^#/, '')
      : `/paths/${escaped(template)}/${method.toLowerCase()}/responses/${status}`;
  return { content, pointer };
}

/** The path of the document that a path is one of: literal segments before parameters. */
function templateOf(document: OpenApiDocument, path: string): string | null {
  const fitting = Object.keys(document.paths).filter((template) => {
    const [wanted, given] = [template.split('/'), path.split('/')];
    return wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i]);
  });
  return fitting.sort((a, b) => a.split('{').length - b.split('{').length)[0] ?? null;
}

/** RFC 6901, and percent-encoding, since the pointer is a fragment. */
function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** The same schemas, with every object of named fields closed to others. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner)]));
  const isObject = copy['type'] === 'object' && copy['properties'] !== undefined;
  return isObject ? { additionalProperties: false, ...copy } : copy;
}
