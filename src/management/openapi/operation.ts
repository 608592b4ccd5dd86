import type { ZodType } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiRequestBodyObject, ZodOpenApiResponseObject } from 'zod-openapi';
import type { Endpoint } from '../endpoint.ts';
import { answerHeaders, headerParameters } from './headers.ts';
import { byStatus, failuresOf, problemName } from './problems.ts';

const DONE: Readonly<Record<string, string>> = { 200: 'Done.', 201: 'Made.', 204: 'Done; there is nothing to show.' };

const STREAM_EXAMPLE = 'id: 1768645815000-0\ndata: {"method":"GET","endpoint":"/api/domains","status_code":200}\n\n';

/** An endpoint as the document has it. */
export function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description, params, query, body } = endpoint;
  const headers = headerParameters(endpoint);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    requestParams: {
      ...(params === undefined ? {} : { path: objectOf(params) }),
      ...(query === undefined ? {} : { query: objectOf(query) }),
    },
    ...(headers.length === 0 ? {} : { parameters: headers }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, endpoint.bodyMayBeEmpty === true) }),
    responses: {
      ...Object.fromEntries(
        Object.entries(endpoint.answers).map(([status, schema]) => [status, answer(endpoint, status, schema)]),
      ),
      ...Object.fromEntries(
        byStatus(failuresOf(endpoint)).map(([status, codes]) => [
          status,
          { $ref: `#/components/responses/${problemName(codes)}` },
        ]),
      ),
    },
  };
}

/** Parameters are described by strict objects; the type of an endpoint says only what comes out of them. */
function objectOf(schema: ZodType): ZodType<unknown, Record<string, unknown>> {
  return schema as ZodType<unknown, Record<string, unknown>>;
}

function requestBody(schema: ZodType, mayBeEmpty: boolean): ZodOpenApiRequestBodyObject {
  return { required: !mayBeEmpty, content: { 'application/json': { schema } } };
}

function answer(endpoint: Endpoint, status: string, schema: ZodType | null): ZodOpenApiResponseObject {
  const description = DONE[status] ?? 'Done.';
  const headers = answerHeaders(endpoint, status, schema !== null);
  if (schema === null) return { description, headers };
  const stream = {
    schema: {
      type: 'string' as const,
      description:
        'With `follow=true`: one event for each entry, its `id` for `Last-Event-ID`, its `data` the entry as JSON. A comment now and then keeps the connection alive.',
    },
    example: STREAM_EXAMPLE,
  };
  return {
    description,
    headers,
    content: {
      'application/json': { schema },
      ...(endpoint.streams === true ? { 'text/event-stream': stream } : {}),
    },
  };
}
