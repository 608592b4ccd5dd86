import { hash } from 'node:crypto';
import type { Endpoint } from '../endpoint.ts';
import type { Document } from '../router.ts';
import { openApiDocument } from './document.ts';
import { openApiPage } from './page/page.ts';
import { STYLE } from './page/style.ts';

/** Nothing is loaded or run but the page's own style; the page may not be framed. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${hash('sha256', STYLE, 'base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What the API says of itself: `/openapi.json` for programs, `/docs` for people. Made when it is first asked for. */
export function openApiDocuments(endpoints: readonly Endpoint[], about: { readonly version: string }): Document[] {
  const document = once(() => openApiDocument(endpoints, about));
  return [
    {
      path: '/openapi.json',
      type: 'application/json',
      body: once(() => `${JSON.stringify(document(), null, 2)}\n`),
    },
    {
      path: '/docs',
      type: 'text/html; charset=utf-8',
      headers: { 'Content-Security-Policy': PAGE_POLICY },
      body: once(() => openApiPage(document())),
    },
  ];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
