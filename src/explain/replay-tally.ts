import type { Changed, ChangedGroup } from './replay-report.ts';
import type { RecordedRequest } from './replay-request.ts';

/** Groups that are told apart; requests of further ones are counted together. */
const MAX_GROUPS = 10_000;

/** How requests came out before and after, and whose they are. */
export interface Difference {
  readonly request: RecordedRequest;
  readonly keyName: string | null;
  readonly route: string | null;
  readonly before: string | null;
  readonly after: string | null;
}

type Group = { -readonly [K in keyof ChangedGroup]: ChangedGroup[K] };

/** Counts requests that came out differently, by key, route and what they were and are denied with. */
export class Tally {
  readonly #groups = new Map<string, Group>();
  readonly #maxGroups: number;
  #requests = 0;
  #ungrouped = 0;

  constructor(maxGroups: number = MAX_GROUPS) {
    this.#maxGroups = maxGroups;
  }

  add(difference: Difference): void {
    const { request, route, before, after } = difference;
    this.#requests++;
    // None of these texts can hold a line feed.
    const name = `${request.keyId ?? ''}\n${route ?? ''}\n${before ?? ''}\n${after ?? ''}`;
    const group = this.#groups.get(name);
    if (group !== undefined) {
      group.count++;
      group.first = Math.min(group.first, request.at);
      group.last = Math.max(group.last, request.at);
    } else if (this.#groups.size < this.#maxGroups) {
      this.#groups.set(name, newGroup(difference));
    } else {
      this.#ungrouped++;
    }
  }

  get result(): Changed {
    const groups = [...this.#groups.values()].sort((a, b) => b.count - a.count || a.first - b.first);
    return { requests: this.#requests, groups, ungrouped: this.#ungrouped };
  }
}

function newGroup({ request, keyName, route, before, after }: Difference): Group {
  const { keyId, at, requestId, method, path, address } = request;
  return {
    keyId,
    keyName,
    route,
    before,
    after,
    count: 1,
    first: at,
    last: at,
    example: { requestId, method, path, address },
  };
}
