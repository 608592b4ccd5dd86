import type { Propagation } from '../../management/schemas/receipt.ts';

/** Gateways that are named one by one; there may be very many, and one line tells of them. */
const MAX_NAMED = 10;

/** What the help says of it. */
export const RECEIPT_NOTE =
  'It waits up to a second until every running gateway has confirmed that it acts on it, and names those that have not. The key is changed in any case.';

/** Who acts on a change, as part of a sentence: `all 3 gateways have confirmed it (12 ms)`. */
export function receiptText(receipt: Propagation | null): string {
  if (receipt === null) return 'the store did not say which gateways have confirmed it';
  const { acknowledged, gateways, missing, took_ms } = receipt;
  if (gateways === 0) return 'no gateway is running';
  if (missing.length === 0) return `${whole(gateways)} confirmed it (${took_ms} ms)`;
  const named = missing
    .slice(0, MAX_NAMED)
    .map((each) => `${each.gateway} (last heard ${agoText(each.heard_ms_ago)} ago)`);
  const more = missing.length > MAX_NAMED ? ` and ${missing.length - MAX_NAMED} more` : '';
  return `${acknowledged} of ${gateways} ${gateways === 1 ? 'gateway has' : 'gateways have'} confirmed; not yet: ${named.join(', ')}${more}`;
}

function whole(gateways: number): string {
  return gateways === 1 ? 'the only gateway has' : `all ${gateways} gateways have`;
}

function agoText(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}
