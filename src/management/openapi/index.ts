export { openApiDocument } from './document.ts';
export { openApiDocuments } from './documents.ts';
export type { OpenApiDocument } from './model.ts';
export { openApiPage } from './page/page.ts';
