import { canonicalAddress } from '../../core/address.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { LoggedRequest } from '../../core/request-log.ts';
import { explain } from '../../explain/explain.ts';
import type { DescribedRequest, World } from '../../explain/explanation.ts';
import { KeyError } from '../../keys/key-error.ts';
import { MAX_PATH, MAX_USER_AGENT } from '../../observe/request-log.ts';
import { mayRead } from '../caller.ts';
import { type FieldFault, ManagementError } from '../failures.ts';
import type { ExplainRequest, ExplanationAnswer } from '../schemas/explain.ts';
import { bounded, summary } from '../validate.ts';
import type { AdminContext } from './context.ts';
import type { DecidingRules } from './deciding-rules.ts';
import { explanationAnswer } from './explanation-answer.ts';

/** What a log puts at the end of a text that it cut. */
const CUT = '...';

/** Why a request would pass or not. Changes nothing, and spends nothing. */
export async function explainRequest(body: ExplainRequest, context: AdminContext): Promise<ExplanationAnswer> {
  const recorded = body.request_id === undefined ? null : await recordedRequest(body.request_id, context);
  const key = recorded?.key ?? (await keyOf(body.key_id ?? '', context));
  const request = describe(body, recorded, context);
  const rules = await context.rules();
  const explanation = await explain(key, request, await worldOf(rules, context));
  return explanationAnswer({ key, request, explanation, recorded: recorded?.entry ?? null, gaps: rules.gaps });
}

interface Recorded {
  readonly entry: LoggedRequest;
  readonly key: KeyRecord;
}

/** Whose request it is not for the caller to see is as if it were not there. */
async function recordedRequest(requestId: string, context: AdminContext): Promise<Recorded> {
  const { caller, keys, store } = context;
  const entry = await store.requests.find(requestId);
  if (entry === null) throw notFound('/request_id', NO_REQUEST);
  try {
    return { entry, key: await keys.get(entry.keyId) };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const isGone = mayRead(caller);
    throw notFound('/request_id', isGone ? `was made with ${entry.keyId}, which is not there any more` : NO_REQUEST);
  }
}

const NO_REQUEST =
  'is in the log of no key that can be seen; requests without a known key are not kept there, nor older ones than the type of their key keeps';

async function keyOf(id: string, { keys }: AdminContext): Promise<KeyRecord> {
  try {
    return await keys.get(id);
  } catch (error) {
    throw isNotFound(error) ? notFound('/key_id', error.message) : error;
  }
}

function isNotFound(error: unknown): error is KeyError {
  return error instanceof KeyError && error.code === 'KEY_NOT_FOUND';
}

function notFound(pointer: string, detail: string): ManagementError {
  const errors = [{ pointer, detail }];
  return new ManagementError(
    'not_found',
    summary(errors, (fault) => fault.pointer),
    errors,
  );
}

/** What was given, and for the rest what was recorded. @throws ManagementError that names what does not fit */
function describe(body: ExplainRequest, recorded: Recorded | null, context: AdminContext): DescribedRequest {
  const { clock, config } = context;
  const entry = recorded?.entry ?? null;
  const method = body.method ?? entry?.method ?? '';
  const target = body.path ?? (entry === null ? '' : (whole(entry.path, MAX_PATH) ?? ''));
  mustFit(faultsOf(body, recorded, target, config.proxy.maxTargetBytes));
  return {
    method,
    target,
    address: canonicalAddress(body.ip_address ?? entry?.address ?? ''),
    userAgent: body.user_agent ?? (entry === null ? null : whole(entry.userAgent ?? '', MAX_USER_AGENT)),
    at: body.at === undefined ? (entry === null ? clock.now() : beganAt(entry)) : Date.parse(body.at),
  };
}

function faultsOf(
  body: ExplainRequest,
  recorded: Recorded | null,
  target: string,
  maxTargetBytes: number,
): FieldFault[] {
  const faults: FieldFault[] = [];
  if (recorded !== null && body.key_id !== undefined && body.key_id !== recorded.key.id) {
    faults.push({ pointer: '/key_id', detail: `is not the key of that request, which is ${recorded.key.id}` });
  }
  const bytes = Buffer.byteLength(target);
  if (!target.startsWith('/')) {
    faults.push({ pointer: '/path', detail: 'is missing; the log does not have the whole path of that request' });
  } else if (bytes > maxTargetBytes) {
    faults.push({ pointer: '/path', detail: `has ${bytes} bytes; the gateway takes at most ${maxTargetBytes}` });
  }
  return faults;
}

function mustFit(faults: readonly FieldFault[]): void {
  if (faults.length === 0) return;
  throw new ManagementError(
    'validation_failed',
    summary(faults, (fault) => fault.pointer),
    bounded(faults),
  );
}

/** null for a text of which the log has only the beginning. */
function whole(text: string, max: number): string | null {
  return text.length === max && text.endsWith(CUT) ? null : text;
}

/** It was decided when it came; the log has when it ended. */
function beganAt({ at, durationUs }: LoggedRequest): number {
  return Math.round(at - durationUs / 1000);
}

async function worldOf(rules: DecidingRules, { config, keys, store }: AdminContext): Promise<World> {
  const { places, restrictions, routes, targetRules } = rules;
  const { presets, roles, tiers } = await keys.catalogue();
  return {
    routes,
    targetRules,
    places,
    restrictions,
    settings: { tiers, presets, roles, shadow: config.restrictions.shadow },
    peek: ({ record, limits }) => store.limits.peek(record.id, limits),
  };
}
