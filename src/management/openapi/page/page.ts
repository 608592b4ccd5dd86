import type { OpenApiDocument, Operation } from '../model.ts';
import { escapeHtml, paragraphs } from './html.ts';
import { methodHtml, operationHtml } from './operation.ts';
import { schemaAnchor, schemaHtml } from './schema.ts';
import { STYLE } from './style.ts';

interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/**
 * The document as a page for people: complete in itself, without scripts, and with no style but the one in its head, so
 * that it can be served under a strict Content-Security-Policy.
 */
export function openApiPage(document: OpenApiDocument): string {
  const { info, servers } = document;
  const title = escapeHtml(info.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
${contents(document)}
<main>
<h1>${title}</h1>
<p><small>Version ${escapeHtml(info.version)} · <a href="openapi.json">OpenAPI document</a></small></p>
${paragraphs(info.description)}
${servers.map(({ url, description }) => `<p><code>${escapeHtml(url)}</code> <small>${escapeHtml(description)}</small></p>`).join('\n')}
${document.tags.map((tag) => tagHtml(document, tag)).join('\n')}
<section id="schemas">
<h2>Schemas</h2>
${Object.entries(document.components.schemas)
  .map(([name, schema]) => schemaHtml(name, schema))
  .join('\n')}
</section>
</main>
</body>
</html>
`;
}

function tagHtml(document: OpenApiDocument, { name, description }: OpenApiDocument['tags'][number]): string {
  const operations = operationsOf(document, name).map(({ path, method, operation }) =>
    operationHtml(document, path, method, operation),
  );
  return `<section id="tag-${escapeHtml(name)}">
<h2>${escapeHtml(name)}</h2>
${paragraphs(description)}
${operations.join('\n')}
</section>`;
}

function operationsOf(document: OpenApiDocument, tag: string): Placed[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ path, method, operation })),
  );
}

function contents(document: OpenApiDocument): string {
  const groups = document.tags.map(({ name }) => {
    const links = operationsOf(document, name).map(({ method, operation }) =>
      link(operation.operationId, `${methodHtml(method)} ${escapeHtml(operation.summary)}`),
    );
    return group(`tag-${name}`, name, links);
  });
  const schemas = Object.keys(document.components.schemas).map((name) => link(schemaAnchor(name), escapeHtml(name)));
  return `<nav aria-label="Contents">\n${[...groups, group('schemas', 'Schemas', schemas)].join('\n')}\n</nav>`;
}

function group(anchor: string, name: string, links: readonly string[]): string {
  const heading = `<h2><a href="#${escapeHtml(anchor)}">${escapeHtml(name)}</a></h2>`;
  return `${heading}\n<ul>\n${links.join('\n')}\n</ul>`;
}

function link(anchor: string, html: string): string {
  return `<li><a href="#${escapeHtml(anchor)}">${html}</a></li>`;
}
