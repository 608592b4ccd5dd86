import t from 'tap';
import { z } from 'zod';
import { endpoint } from '../../src/management/endpoint.ts';
import { managementEndpoints } from '../../src/management/endpoints/index.ts';
import { openApiDocument, openApiDocuments, openApiPage } from '../../src/management/openapi/index.ts';

const uncalled = (): never => {
  throw new Error('no endpoint is called in this test');
};
const endpoints = managementEndpoints(uncalled);
const document = openApiDocument(endpoints, { version: '1.2.3' });
const page = openApiPage(document);

function textOf(html: string): string {
  return html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

t.test('the page has every operation, every schema, and how to call them', async (t) => {
  for (const { operationId, summary, path, method } of endpoints) {
    const from = page.indexOf(`<article id="${operationId}">`);
    const article = textOf(page.slice(from, page.indexOf('</article>', from)));
    t.ok(from > 0 && article.includes(summary) && article.includes(`${method} ${path}`), operationId);
    t.match(article, /curl .*"http:\/\/127\.0\.0\.1:8081\/[^{}"]+" \\\n {2}-H "Authorization: Bearer YOUR_JWT_TOKEN"/);
  }
  for (const name of Object.keys(document.components.schemas)) t.ok(page.includes(`id="schema-${name}"`), name);
  t.match(textOf(page), /Version 1\.2\.3/);
});

t.test('every link within the page leads somewhere, and every name is there once', async (t) => {
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((found) => found[1]);
  t.equal(new Set(ids).size, ids.length);
  const links = [...page.matchAll(/ href="([^"]+)"/g)].map((found) => String(found[1]));
  const dead = links.filter((href) => href !== 'openapi.json' && !ids.includes(href.slice(1)));
  t.ok(links.length > 100);
  t.strictSame(dead, []);
});

t.test('every element is closed in its place', async (t) => {
  const open: string[] = [];
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*>/g)) {
    if (['meta'].includes(name)) continue;
    if (slash === '') open.push(name);
    else if (open.pop() !== name) t.fail(`</${name}> closes another`);
  }
  t.strictSame(open, []);
});

t.test('the page runs nothing and loads nothing', async (t) => {
  t.notMatch(page, /<script|<link|<img|<iframe|<form|@import|url\(| src=| style=| on[a-z]+=|javascript:/i);
  const [, served] = openApiDocuments(endpoints, { version: '1.2.3' });
  t.match(served, { path: '/docs', type: 'text/html; charset=utf-8' });
  t.equal(served?.body(), page);
  const policy = served?.headers?.['Content-Security-Policy'] ?? '';
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(style))).toString('base64');
  t.match(policy, "default-src 'none'");
  t.ok(policy.includes(`style-src 'sha256-${digest}'`), 'its own style, and no other, is let in');
});

t.test('nothing that an endpoint says of itself becomes markup', async (t) => {
  const evil = `"><script>alert('&amp;')</script>`;
  const schema = z.object({ [evil]: z.enum([evil]).meta({ description: `${evil} \`${evil}\`` }) });
  const hostile = endpoint({
    method: 'POST',
    path: `/${evil}`,
    operationId: evil,
    tag: 'Keys',
    summary: evil,
    description: `${evil}\n\n\`${evil}\``,
    query: z.strictObject({
      [evil]: z
        .string()
        .regex(/<b>/)
        .meta({ description: evil, examples: [evil] }),
    }),
    body: schema.meta({ id: 'Evil', description: evil, examples: [{ [evil]: evil }] }),
    answers: { 200: schema },
    handle: uncalled,
  });
  const made = openApiPage(openApiDocument([hostile], { version: evil }));
  t.notMatch(made, /<script|<b>/);
  t.ok(textOf(made).split(evil).length > 10, 'it is all there, as text');
});
