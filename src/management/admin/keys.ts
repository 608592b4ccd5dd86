import { parseDuration } from '../../core/duration.ts';
import type { KeyRecord } from '../../core/key.ts';
import { KeyError } from '../../keys/key-error.ts';
import type { KeyCatalogue } from '../../keys/key-input.ts';
import { isConflict } from '../../keys/key-writer.ts';
import type { IssuedKey } from '../../keys/service.ts';
import { mayWrite } from '../caller.ts';
import type { Idempotent, ManagementClient, Versioned } from '../client.ts';
import { ManagementError } from '../failures.ts';
import { mustWrite, SELF_SERVICE_TYPE } from '../reach.ts';
import type {
  KeyAnswer,
  KeyChanged,
  KeyCreate,
  KeyDeleted,
  KeyIssued,
  KeyRotate,
  KeyRotated,
  KeySwitched,
  KeyUpdate,
} from '../schemas/key.ts';
import type { AdminContext } from './context.ts';
import { IdempotentCreate } from './idempotency.ts';
import { keyAnswers, newKeyAnswer } from './key-answers.ts';
import { fieldsOf } from './key-fields.ts';
import { givenPermissions, placed } from './permissions-input.ts';
import { receipt } from './receipt.ts';
import { warningsOf } from './warnings.ts';

/** Keys that are read at a time to count them. */
const PAGE = 200;

type KeyMethods = Pick<
  ManagementClient,
  | 'createKey'
  | 'getKey'
  | 'updateKey'
  | 'rotateKey'
  | 'enableKey'
  | 'disableKey'
  | 'revokeKey'
  | 'deleteKey'
  | 'keySecret'
>;

/** The life of a key, in the shapes of the API. */
export function keyMethods(context: AdminContext): KeyMethods {
  const { caller, keys } = context;
  const versions = (options: Versioned | undefined) => options?.ifMatch ?? null;
  return {
    createKey: (body, options) => createKey(body, options, context),
    getKey: async (id) => answerOf(await keys.get(id), context),
    updateKey: (id, body, options) => updateKey(id, body, options, context),
    rotateKey: (id, body, options) => rotateKey(id, body, options, context),
    enableKey: async (id, options) => switched(await keys.setEnabled(id, true, versions(options)), context),
    disableKey: async (id, options) => switched(await keys.setEnabled(id, false, versions(options)), context),
    revokeKey: async (id, options) => switched(await keys.revoke(id, versions(options)), context),
    deleteKey: (id, options) => deleteKey(id, options, context),
    keySecret: async (id) => {
      mustWrite(caller, 'to see a secret again');
      return { id, secret: await keys.reveal(id) };
    },
  };
}

async function createKey(body: KeyCreate, options: Idempotent | undefined, context: AdminContext): Promise<KeyIssued> {
  const key = options?.idempotencyKey ?? null;
  if (key === null) return issue(body, context, null);
  const idempotent = new IdempotentCreate(key, body, context);
  const earlier = await idempotent.earlierAnswer();
  if (earlier !== null) return earlier;
  try {
    return await issue(body, context, idempotent);
  } catch (error) {
    // The same request came twice at a time, and the other one was first.
    const answer = isConflict(error) ? await idempotent.earlierAnswer() : null;
    if (answer === null) throw error;
    return answer;
  }
}

async function issue(body: KeyCreate, context: AdminContext, idempotent: IdempotentCreate | null): Promise<KeyIssued> {
  const { caller, clock, config, keys } = context;
  await mustHaveRoom(context);
  const catalogue = await keys.catalogue();
  const input = {
    ...fieldsOf(body, null, catalogue),
    name: body.name,
    type: body.type ?? usualType(Object.keys(config.keyTypes)),
    owner: body.owner ?? caller.subject,
  };
  const answer = ({ record, secret }: IssuedKey): KeyIssued => ({
    ...newKeyAnswer(record, catalogue, clock.now()),
    secret,
    warnings: warningsOf(record, catalogue, config),
  });
  const claimFor = idempotent === null ? undefined : (issued: IssuedKey) => idempotent.claim(answer(issued));
  return answer(await placing(body, catalogue, () => keys.create(input, claimFor)));
}

/**
 * Without a bound on its own keys, any token could fill the store. Revoked ones are there too, until they are deleted.
 * Creates that come at the same moment may go over it by as many.
 */
async function mustHaveRoom({ caller, config, store }: AdminContext): Promise<void> {
  if (mayWrite(caller)) return;
  const most = config.management.selfServiceMaxKeys;
  const own = { owner: caller.subject, type: SELF_SERVICE_TYPE };
  let found = 0;
  let after: string | undefined;
  do {
    const page = await store.keys.list({ ...own, limit: PAGE, ...(after === undefined ? {} : { after }) });
    found += page.keys.length + page.unreadable.length;
    after = page.next ?? undefined;
  } while (after !== undefined && found < most);
  if (found < most) return;
  const detail = `"${caller.subject}" has ${found} keys of its own, and may have ${most}; delete those that are not needed`;
  throw new ManagementError('conflict', detail);
}

/** What is wrong with permissions is told where they stood in the body. */
async function placing<T>(
  { permissions }: Pick<KeyUpdate, 'permissions'>,
  catalogue: KeyCatalogue,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw permissions === undefined ? error : placed(error, givenPermissions(permissions, catalogue).pointers);
  }
}

/** What a key is for when nobody says: a person. */
function usualType(types: readonly string[]): string {
  if (types.includes(SELF_SERVICE_TYPE)) return SELF_SERVICE_TYPE;
  const message = `is missing; expected one of ${types.join(', ')}`;
  throw new KeyError('KEY_INVALID', `type: ${message}`, [{ field: 'type', message }]);
}

async function updateKey(
  id: string,
  body: KeyUpdate,
  options: Versioned | undefined,
  context: AdminContext,
): Promise<KeyChanged> {
  const { config, keys } = context;
  const catalogue = await keys.catalogue();
  const changes = (before: KeyRecord) => fieldsOf(body, before, catalogue);
  const record = await placing(body, catalogue, () => keys.update(id, changes, options?.ifMatch ?? null));
  const propagation = await receipt(context);
  return { ...(await answerOf(record, context)), warnings: warningsOf(record, catalogue, config), propagation };
}

async function rotateKey(
  id: string,
  body: KeyRotate,
  options: Versioned | undefined,
  context: AdminContext,
): Promise<KeyRotated> {
  const { record, secret } = await context.keys.rotate(id, graceOf(body.grace_period), options?.ifMatch ?? null);
  const rotatedAt = record.rotatedAt ?? record.updatedAt;
  return {
    id: record.id,
    name: record.name,
    new_secret: secret,
    rotated_at: new Date(rotatedAt).toISOString(),
    old_secret_expires_at: new Date(record.previous?.expiresAt ?? rotatedAt).toISOString(),
    version: record.version,
    propagation: await receipt(context),
  };
}

/** Milliseconds; undefined when the configuration decides. */
function graceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  const message = `"${text.slice(0, 50)}" is not a duration; expected one like 24h, or 0`;
  throw new KeyError('KEY_INVALID', `grace_period: ${message}`, [{ field: 'grace_period', message }]);
}

async function switched(record: KeyRecord, context: AdminContext): Promise<KeySwitched> {
  const propagation = await receipt(context);
  return { ...(await answerOf(record, context)), propagation };
}

async function deleteKey(id: string, options: Versioned | undefined, context: AdminContext): Promise<KeyDeleted> {
  await context.keys.delete(id, options?.ifMatch ?? null);
  return { id, deleted: true, propagation: await receipt(context) };
}

async function answerOf(record: KeyRecord, { clock, keys, store }: AdminContext): Promise<KeyAnswer> {
  const [answer] = await keyAnswers([record], store, await keys.catalogue(), clock.now());
  return answer as KeyAnswer;
}
