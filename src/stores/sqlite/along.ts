import type { Along } from '../../core/along.ts';
import type { AuditTable } from './audit-table.ts';
import type { ClaimTable } from './claims.ts';

/** Writes what comes along with a change, inside the transaction that makes it. */
export class AlongWriter {
  readonly #audit: AuditTable;
  readonly #claims: ClaimTable;

  constructor(audit: AuditTable, claims: ClaimTable) {
    this.#audit = audit;
    this.#claims = claims;
  }

  /** @throws StoreError STORE_CONFLICT when the claim is taken */
  write({ event, claim }: Along): void {
    if (claim !== undefined) this.#claims.add(claim);
    if (event !== undefined) this.#audit.append(event);
  }
}
