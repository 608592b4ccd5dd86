import type { OpenApiDocument, Operation, Parameter } from '../model.ts';
import { resolve } from '../model.ts';

/** The command that calls an operation with its example. */
export function curlExample(document: OpenApiDocument, path: string, method: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  const url = `${document.servers[0]?.url ?? ''}${filled(path, parameters)}`;
  const body = exampleBody(document, operation);
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`;
  return [
    `curl${verb} "${url}"`,
    '-H "Authorization: Bearer YOUR_JWT_TOKEN"',
    ...(body === undefined ? [] : ['-H "Content-Type: application/json"', `-d ${quoted(JSON.stringify(body))}`]),
  ].join(' \\\n  ');
}

/** What an operation may be sent; undefined when it takes no body. */
export function exampleBody(document: OpenApiDocument, { requestBody }: Operation): unknown {
  const schema = requestBody?.content['application/json']?.schema;
  return schema === undefined ? undefined : (resolve(document, schema).examples?.[0] ?? {});
}

function filled(path: string, parameters: readonly Parameter[]): string {
  return path.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const parameter = parameters.find((known) => known.in === 'path' && known.name === name);
    const example = parameter?.schema.examples?.[0];
    return typeof example === 'string' ? encodeURIComponent(example) : whole;
  });
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
