import type { Changed, ChangedGroup, PermissionUse, ReplayReport } from '../../explain/replay-report.ts';
import type { Compared } from './replay-compared.ts';

/** Groups, keys and lines that an answer lists. */
const MAX_LISTED = 1_000;

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
    unreadable_lines: compared.unreadableLines,
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
