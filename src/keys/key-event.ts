import { isDeepStrictEqual } from 'node:util';
import type { AuditAction, AuditEvent, Json } from '../core/audit.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Actor } from './actor.ts';
import type { KeyCatalogue } from './key-input.ts';
import { viewOf } from './view.ts';

/** What changes with every change, and says nothing. */
const ALWAYS_CHANGING = new Set(['version', 'updated_at']);

type Shown = { readonly [name: string]: Json };

/** What the audit log is told of a change of a key: all of one that is new or gone, otherwise what is different. */
export function keyEvent(
  action: AuditAction,
  actor: Actor,
  before: KeyRecord | null,
  after: KeyRecord | null,
  catalogue: KeyCatalogue,
  now: number,
): AuditEvent {
  const show = (record: KeyRecord | null): Shown | null =>
    record === null ? null : ({ ...viewOf(record, null, catalogue, now) } as unknown as Shown);
  const [was, is] = differences(show(before), show(after));
  return { ...eventOf(action, actor, now), target: (after ?? before)?.id ?? null, before: was, after: is };
}

/** An event that names who acted and what was done, and nothing else yet. */
export function eventOf(action: AuditAction, actor: Omit<Actor, 'reach'>, now: number): AuditEvent {
  const { subject, from, requestId } = actor;
  return { at: now, actor: subject, from, action, target: null, before: null, after: null, requestId };
}

/** The members of both that differ; both as they are when one is missing. */
export function differences(before: Shown | null, after: Shown | null): [Shown | null, Shown | null] {
  if (before === null || after === null) return [before, after];
  const names = Object.keys({ ...before, ...after }).filter(
    (name) => !ALWAYS_CHANGING.has(name) && !isDeepStrictEqual(before[name], after[name]),
  );
  const pick = (from: Shown): Shown => Object.fromEntries(names.map((name) => [name, from[name] ?? null]));
  return [pick(before), pick(after)];
}
