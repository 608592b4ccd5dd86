import type { KeyRecord } from '../../core/key.ts';
import type { RowFault } from '../../management/transfer/fault.ts';
import { statusOf } from '../../management/transfer/key-stream.ts';
import type { Planned } from '../../management/transfer/plan.ts';

/** Entries of each list that a person is shown; JSON has them all. */
export const SHOWN_KEYS = 10;
export const SHOWN_FAULTS = 50;

/** A key that was stored, or would be. */
export interface StoredEntry {
  readonly line: number;
  /** null: it would be made only now. */
  readonly id: string | null;
  readonly name: string;
  readonly hint: string;
  readonly type: string;
  readonly owner: string;
  readonly status: string;
  readonly permissions: readonly string[];
  readonly preset: string | null;
  readonly roles: readonly string[];
  readonly tier: string;
  readonly created_at: string;
  readonly expires_at: string | null;
}

/** A key that was there already. */
export interface PresentEntry {
  readonly line: number;
  readonly id: string;
  readonly name: string;
  readonly hint: string;
  readonly status: string;
}

export interface ReportOptions {
  readonly verb: 'import' | 'migrate';
  readonly file: string;
  readonly format: 'backup' | 'keys';
  readonly isDryRun: boolean;
  /** Whether all entries are kept, or as many as a person is shown. */
  readonly keepsAll: boolean;
  readonly now: number;
}

/** What becomes of each row of a file. Holds no secret, nor a digest of one. */
export class Report {
  readonly options: ReportOptions;
  readonly counts = { stored: 0, present: 0, conflicts: 0, refused: 0, roles: 0, rolesPresent: 0 };
  readonly stored: StoredEntry[] = [];
  readonly present: PresentEntry[] = [];
  readonly conflicts: RowFault[] = [];
  readonly refused: RowFault[] = [];
  /** Rows were refused, so that none was written. */
  isBlocked = false;
  isInterrupted = false;
  /** The store failed on the way, or others changed it: something is not there that was to be. */
  isIncomplete = false;
  readonly #odd = { powerless: 0, expired: 0, dead: 0 };
  readonly #refusedLines = new Set<number>();

  constructor(options: ReportOptions) {
    this.options = options;
  }

  addStored({ line, record }: Planned): void {
    this.counts.stored++;
    const { permissions, preset, roles } = record;
    if (permissions.length === 0 && preset === null && roles.length === 0) this.#odd.powerless++;
    if (statusOf(record, this.options.now) === 'expired') this.#odd.expired++;
    const isNew = this.options.isDryRun && this.options.format === 'keys';
    this.#keep(this.stored, SHOWN_KEYS, () => ({ line, id: isNew ? null : record.id, ...this.#shown(record) }));
  }

  addPresent({ line, record }: Planned): void {
    this.counts.present++;
    const status = statusOf(record, this.options.now);
    if (status !== 'active') this.#odd.dead++;
    const { id, name, secret } = record;
    this.#keep(this.present, SHOWN_KEYS, () => ({ line, id, name, hint: secret.hint, status }));
  }

  addConflict(fault: RowFault): void {
    this.counts.conflicts++;
    this.#keep(this.conflicts, SHOWN_FAULTS, () => fault);
  }

  /** @param faults all that is wrong with one row */
  addRefused(faults: readonly RowFault[]): void {
    for (const fault of faults) {
      // Several things may be wrong with a row; it is one row all the same.
      if (!this.#refusedLines.has(fault.line)) this.counts.refused++;
      this.#refusedLines.add(fault.line);
      // A person is told once.
      if (this.options.keepsAll || fault.repeats !== true) this.#keep(this.refused, SHOWN_FAULTS, () => fault);
    }
  }

  /** Whether a list that has so many stored keys takes one more. */
  wants(length: number): boolean {
    return this.options.keepsAll || length < SHOWN_KEYS;
  }

  /** What about it is probably not meant. */
  warnings(): string[] {
    const { powerless, expired, dead } = this.#odd;
    const warnings: string[] = [];
    if (powerless > 0) warnings.push(`${keys(powerless)} with no permission at all: only routes for any key are open`);
    if (expired > 0) warnings.push(`${keys(expired)} that expired already`);
    if (dead > 0 && this.options.format === 'keys') {
      warnings.push(`of those that are there already, ${dead} cannot be used: disabled, revoked or expired`);
    }
    return warnings;
  }

  json(): object {
    const { verb, file, format, isDryRun } = this.options;
    const done = verb === 'import' ? 'imported' : 'migrated';
    const { stored, roles, rolesPresent, ...counts } = this.counts;
    return {
      file,
      format,
      dry_run: isDryRun,
      blocked: this.isBlocked,
      interrupted: this.isInterrupted,
      incomplete: this.isIncomplete,
      counts: { [done]: stored, ...counts, ...(format === 'keys' ? {} : { roles, roles_present: rolesPresent }) },
      warnings: this.warnings(),
      [done]: this.stored,
      present: this.present,
      conflicts: this.conflicts,
      refused: this.refused.map(({ line, field, message }) => ({ line, field, message })),
    };
  }

  #keep<T>(list: T[], most: number, entry: () => T): void {
    if (this.options.keepsAll || list.length < most) list.push(entry());
  }

  #shown(record: KeyRecord): Omit<StoredEntry, 'line' | 'id'> {
    const { name, secret, type, owner, permissions, preset, roles, tier, createdAt, expiresAt } = record;
    return {
      name,
      hint: secret.hint,
      type,
      owner,
      status: statusOf(record, this.options.now),
      permissions,
      preset,
      roles,
      tier,
      created_at: new Date(createdAt).toISOString(),
      expires_at: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    };
  }
}

/** `1 key`, `2 keys` */
export function keys(count: number): string {
  return `${count} ${count === 1 ? 'key' : 'keys'}`;
}
