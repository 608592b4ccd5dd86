import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Endpoint } from '../endpoint.ts';
import { HEADERS, PARAMETERS } from './headers.ts';
import { DESCRIPTION, SECURITY_SCHEME, SERVER, TAGS, TITLE } from './info.ts';
import type { OpenApiDocument, Operation, Parameter, Reference } from './model.ts';
import { operationOf } from './operation.ts';
import { byStatus, failuresOf, problemName, problemResponse } from './problems.ts';
import { tidy } from './tidy.ts';

/**
 * The OpenAPI 3.1 document of these endpoints, made from the very schemas that check what is sent. The same endpoints
 * give the same document.
 */
export function openApiDocument(endpoints: readonly Endpoint[], { version }: { version: string }): OpenApiDocument {
  const document = createDocument(
    {
      openapi: '3.1.0',
      info: { title: TITLE, version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [SERVER],
      security: [{ managementToken: [] }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      paths: pathsOf(endpoints),
      components: {
        securitySchemes: { managementToken: SECURITY_SCHEME },
        headers: HEADERS,
        parameters: PARAMETERS,
        responses: Object.fromEntries(
          endpoints
            .flatMap((endpoint) => byStatus(failuresOf(endpoint)))
            .map(([status, codes]) => [problemName(codes), problemResponse(codes, Number(status))]),
        ),
      },
    },
    { override: tidy },
  );
  return plainly(document as unknown as OpenApiDocument);
}

function pathsOf(endpoints: readonly Endpoint[]): ZodOpenApiPathsObject {
  const paths: Record<string, ZodOpenApiPathsObject[string]> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operationOf(endpoint) };
  }
  return paths;
}

/** A parameter is described once: beside its name, not in its schema too, where zod's descriptions stand. */
function plainly(document: OpenApiDocument): OpenApiDocument {
  const plain = (parameter: Parameter | Reference): Parameter | Reference => {
    if ('$ref' in parameter) return parameter;
    const { description = parameter.description, ...schema } = parameter.schema;
    const { name, in: place, required } = parameter;
    return {
      name,
      in: place,
      ...(required === undefined ? {} : { required }),
      ...(description === undefined ? {} : { description }),
      schema,
    };
  };
  const inOperation = (operation: Operation): Operation =>
    operation.parameters === undefined ? operation : { ...operation, parameters: operation.parameters.map(plain) };
  return { ...document, paths: mapValues(document.paths, (path) => mapValues(path, inOperation)) };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
