import type { FrontCase } from './case.ts';
import type { Seen } from './outcome.ts';

/** What the cases of a run were like, so that a run that exercised nothing does not pass for one that found nothing. */
export class Tally {
  cases = 0;
  /** Cases that differed at first and not when they were looked at again. */
  lookedAgain = 0;
  /** Requests that the reader of plain requests is there for. */
  plain = 0;
  relayed = 0;
  denied = 0;
  upstreamFailures = 0;
  /** Answers that were cut behind their head. */
  cut = 0;
  kept = 0;
  /** Requests that the reader of plain requests has dealt with alone. */
  servedFast = 0;
  readonly codes = new Map<string, number>();

  count({ requests }: FrontCase, { exchanges, kept }: Seen): void {
    this.cases++;
    if (kept) this.kept++;
    for (const { kind } of requests) if (kind === 'plain') this.plain++;
    for (const { code, aborted } of exchanges) {
      const name = code ?? 'relayed';
      this.codes.set(name, (this.codes.get(name) ?? 0) + 1);
      if (aborted === 'upstream') this.cut++;
      if (code === null) this.relayed++;
      else if (code.startsWith('upstream_')) this.upstreamFailures++;
      else this.denied++;
    }
  }

  /** Those of these codes that no exchange ended with; `relayed` stands for none. */
  lacks(...codes: string[]): string[] {
    return codes.filter((code) => !this.codes.has(code));
  }

  toString(): string {
    const { cases, lookedAgain, plain, relayed, denied, upstreamFailures, cut, kept, servedFast } = this;
    const codes = Object.fromEntries(this.codes);
    return JSON.stringify({
      cases,
      lookedAgain,
      plain,
      relayed,
      denied,
      upstreamFailures,
      cut,
      kept,
      servedFast,
      codes,
    });
  }
}
