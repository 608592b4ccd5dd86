import type { Schema } from '../model.ts';
import { escapeHtml, inlineHtml, jsonBlock, paragraphs, table } from './html.ts';

/** The anchor of a schema of the document. */
export function schemaAnchor(name: string): string {
  return `schema-${name}`;
}

/** What kind of value a schema describes, with links to the schemas that it refers to. */
export function typeHtml(schema: Schema): string {
  if (schema.$ref !== undefined) return schemaLink(schema.$ref);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeHtml).join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => `<code>${escapeHtml(value)}</code>`).join(', ');
  const types = [schema.type ?? 'any value'].flat();
  return types.map((type) => oneType(type, schema)).join(' or ') + bounds(schema);
}

/** A link to the schema that a reference names. */
export function schemaLink(ref: string): string {
  const name = ref.slice(ref.lastIndexOf('/') + 1);
  return `<a href="#${escapeHtml(schemaAnchor(name))}">${escapeHtml(name)}</a>`;
}

function oneType(type: string, { format, items, additionalProperties, properties }: Schema): string {
  if (type === 'array' && items !== undefined) return `list of ${typeHtml(items)}`;
  if (type === 'object' && properties === undefined && typeof additionalProperties === 'object') {
    return `object of ${typeHtml(additionalProperties)}`;
  }
  if (type === 'string' && format !== undefined) return escapeHtml(format);
  return escapeHtml(type);
}

function bounds(schema: Schema): string {
  const { minimum, maximum, minItems, maxItems, maxLength, pattern } = schema;
  const said = [
    ...range(minimum, maximum, ''),
    ...range(minItems, maxItems, ' entries'),
    ...range(undefined, maxLength, ' characters'),
    ...(pattern === undefined ? [] : [`<code>${escapeHtml(pattern)}</code>`]),
  ];
  return said.length === 0 ? '' : `, ${said.join(', ')}`;
}

function range(least: number | undefined, most: number | undefined, unit: string): string[] {
  if (least !== undefined && most !== undefined) return [`${least} to ${most}${unit}`];
  if (most !== undefined) return [`at most ${most}${unit}`];
  return least === undefined ? [] : [`at least ${least}${unit}`];
}

/** A schema of the document: what it is, its fields, and an example. */
export function schemaHtml(name: string, schema: Schema): string {
  const example = schema.examples?.[0];
  return [
    `<section id="${escapeHtml(schemaAnchor(name))}">`,
    `<h3>${escapeHtml(name)}</h3>`,
    schema.description === undefined ? '' : paragraphs(schema.description),
    schema.properties === undefined ? `<p>${typeHtml(schema)}</p>` : fieldTable(schema),
    ...(example === undefined ? [] : ['<details><summary>Example</summary>', jsonBlock(example), '</details>']),
    '</section>',
  ].join('\n');
}

function fieldTable(schema: Schema): string {
  return table(['Field', 'Type', 'Meaning'], fieldRows(schema, ''));
}

/** One row for each field, those of objects within it below it: `usage.requests_today`. */
function fieldRows(schema: Schema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const isRequired = schema.required?.includes(name) === true;
    const row = [
      `<code>${escapeHtml(path)}</code>${isRequired ? '' : ' <small>optional</small>'}`,
      typeHtml(field),
      inlineHtml(field.description ?? ''),
    ];
    return [row, ...inner(field).flatMap(({ schema: below, suffix }) => fieldRows(below, `${path}${suffix}.`))];
  });
}

/** The objects that a field holds itself, or in a list. */
function inner(field: Schema): { schema: Schema; suffix: string }[] {
  return [field, ...(field.anyOf ?? [])].flatMap((option) => {
    const own = option.properties === undefined ? [] : [{ schema: option, suffix: '' }];
    const items = option.items?.properties === undefined ? [] : [{ schema: option.items, suffix: '[]' }];
    return [...own, ...items];
  });
}
