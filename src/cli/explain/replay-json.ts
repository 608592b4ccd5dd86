import type { Changed, ChangedGroup, PermissionUse, ReplayReport } from '../../explain/replay-report.ts';

/** Groups, keys and lines that an answer lists. */
const MAX_LISTED = 1_000;

/** Which worlds a replay compares, and what of the log it could not read. */
export interface Compared {
  /** `recorded`, or `today`: the configuration in force, and the keys as they are. */
  readonly before: 'recorded' | 'today';
  readonly after: After;
  /** Whether limits are simulated. */
  readonly limits: boolean;
  /** Whether the requests are those that the store keeps. */
  readonly isStored: boolean;
  /** Numbers of the first lines that could not be read; again for each entry of one that is a list. */
  readonly unreadableLines: readonly number[];
}

interface After {
  /** File of the configuration; null: there is none, every setting has its default. */
  readonly config: string | null;
  /** Whether that file is the proposed one. */
  readonly is_proposed: boolean;
  /** The key that would be changed; null: every key stays as it is. */
  readonly changed_key: string | null;
}

/** A replay as one JSON document. Times are ISO 8601 in UTC. */
export function replayJson(report: ReplayReport, compared: Compared, notes: readonly string[]): object {
  const { period, newlyDenied, newlyAllowed, deniedDifferently, permissions } = report;
  return {
    before: compared.before,
    after: compared.after,
    limits: compared.limits ? 'simulated' : 'left_out',
    requests_read: report.read,
    requests_replayed: report.replayed,
    requests_without_key: report.withoutKey,
    keys: report.keys,
    skipped: report.skipped,
    unreadable_lines: [...new Set(compared.unreadableLines)],
    period: period === null ? null : { from: iso(period.first), to: iso(period.last) },
    same: { allowed: report.sameAllowed, denied: report.sameDenied },
    newly_denied: changedJson(newlyDenied),
    newly_allowed: changedJson(newlyAllowed),
    denied_differently: changedJson(deniedDifferently),
    permissions: permissions.slice(0, MAX_LISTED).map(useJson),
    permissions_omitted: Math.max(0, permissions.length - MAX_LISTED) + report.permissionsLeftOut,
    notes,
  };
}

function changedJson({ requests, groups, ungrouped }: Changed): object {
  const listed = groups.slice(0, MAX_LISTED);
  const omitted = groups.slice(MAX_LISTED).reduce((sum, { count }) => sum + count, ungrouped);
  return { requests, groups: listed.map(groupJson), requests_omitted: omitted };
}

function groupJson({ keyId, keyName, route, before, after, count, first, last, example }: ChangedGroup): object {
  return {
    key_id: keyId,
    key_name: keyName,
    route,
    code_before: before,
    code_after: after,
    requests: count,
    first: iso(first),
    last: iso(last),
    example: {
      request_id: example.requestId,
      method: example.method,
      path: example.path,
      ip_address: example.address,
    },
  };
}

function useJson({ keyId, keyName, requests, first, last, neverUsed, wildcards, wouldDo }: PermissionUse): object {
  return {
    key_id: keyId,
    key_name: keyName,
    requests,
    period: { from: iso(first), to: iso(last) },
    never_used: neverUsed,
    wildcards: wildcards.map(({ permission, usedAs }) => ({ permission, used_as: usedAs })),
    would_do: wouldDo,
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
