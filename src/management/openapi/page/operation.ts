import type { OpenApiDocument, Operation, Parameter, Response, Schema } from '../model.ts';
import { resolve } from '../model.ts';
import { curlExample, exampleBody } from './curl.ts';
import { codeBlock, escapeHtml, inlineHtml, jsonBlock, paragraphs, table } from './html.ts';
import { typeHtml } from './schema.ts';

/** One operation: what it does, what it takes, what it answers, and the command that calls it. */
export function operationHtml(document: OpenApiDocument, path: string, method: string, operation: Operation): string {
  const { operationId, summary, description } = operation;
  return [
    `<article id="${escapeHtml(operationId)}">`,
    `<h3>${escapeHtml(summary)}</h3>`,
    `<p class="call">${methodHtml(method)} <code>${escapeHtml(path)}</code></p>`,
    description === undefined ? '' : paragraphs(description),
    parametersHtml(document, operation),
    bodyHtml(document, operation),
    '<h4>Answers</h4>',
    answersHtml(document, operation),
    '<h4>With curl</h4>',
    codeBlock(curlExample(document, path, method, operation)),
    '</article>',
  ].join('\n');
}

export function methodHtml(method: string): string {
  return `<span class="method ${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</span>`;
}

function parametersHtml(document: OpenApiDocument, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  if (parameters.length === 0) return '';
  return `<h4>Parameters</h4>\n${table(['Name', 'In', 'Type', 'Meaning'], parameters.map(parameterRow))}`;
}

function parameterRow({ name, in: place, required, schema, description }: Parameter): string[] {
  const optional = required === true ? '' : ' <small>optional</small>';
  return [
    `<code>${escapeHtml(name)}</code>${optional}`,
    escapeHtml(place),
    typeHtml(schema),
    inlineHtml(description ?? ''),
  ];
}

function bodyHtml(document: OpenApiDocument, operation: Operation): string {
  const body = operation.requestBody;
  const schema = body?.content['application/json']?.schema;
  if (body === undefined || schema === undefined) return '';
  const optional = body.required === true ? '' : '; may be empty';
  return [
    '<h4>Body</h4>',
    `<p>${typeHtml(schema)} <small>application/json${optional}</small></p>`,
    jsonBlock(exampleBody(document, operation)),
  ].join('\n');
}

function answersHtml(document: OpenApiDocument, operation: Operation): string {
  const answers = Object.entries(operation.responses).map(([status, answer]) => ({
    status,
    answer: resolve(document, answer),
  }));
  const rows = answers.map(({ status, answer }) => [
    `<code>${escapeHtml(status)}</code>`,
    inlineHtml(answer.description),
    contentHtml(answer),
    Object.keys(answer.headers ?? {})
      .map((name) => `<code>${escapeHtml(name)}</code>`)
      .join(', '),
  ]);
  return `${table(['Status', 'Meaning', 'Body', 'Headers'], rows)}\n${answers.map(({ answer }) => exampleHtml(document, answer)).join('')}`;
}

function contentHtml({ content }: Response): string {
  return Object.entries(content ?? {})
    .map(([type, { schema }]) =>
      type === 'text/event-stream' ? `events <small>${escapeHtml(type)}</small>` : typeHtml(schema),
    )
    .join(' or ');
}

/** The examples of a good answer; those of problems are all alike. */
function exampleHtml(document: OpenApiDocument, { content }: Response): string {
  return Object.entries(content ?? {})
    .map(([type, { schema, example }]) => {
      if (type === 'text/event-stream') {
        return details(`Example, ${type}`, `${paragraphs(schema.description ?? '')}${codeBlock(String(example))}`);
      }
      const shown = type === 'application/json' ? exampleOf(document, schema) : undefined;
      return shown === undefined ? '' : details('Example', jsonBlock(shown));
    })
    .join('\n');
}

function exampleOf(document: OpenApiDocument, schema: Schema): unknown {
  return resolve(document, schema).examples?.[0];
}

function details(summary: string, html: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>\n${html}</details>\n`;
}
