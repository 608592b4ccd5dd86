import type { KeyRecord } from '../../core/key.ts';
import { StoreError } from '../../core/ports.ts';
import { KeyError } from '../../keys/key-error.ts';
import { ManagementError } from '../failures.ts';
import { summary } from '../validate.ts';
import type { AdminContext } from './context.ts';

/** The key that the body names. @throws ManagementError `not_found`, `conflict` */
export async function keyNamed(id: string, context: AdminContext): Promise<KeyRecord> {
  const key = await keyOrNull(id, context);
  if (key === null) throw notFound('/key_id', `there is no key "${id}"`);
  return key;
}

/** null when there is none that the caller may see. @throws ManagementError `conflict` when its record cannot be read */
export async function keyOrNull(id: string, { keys }: AdminContext): Promise<KeyRecord | null> {
  try {
    return await keys.get(id);
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_NOT_FOUND') return null;
    if (!(error instanceof StoreError) || error.code !== 'STORE_CORRUPT') throw error;
    const detail = `What is stored of ${id} cannot be read by this version: a gateway of it answers every request with that key with key_store_unavailable, whatever the request is.`;
    throw new ManagementError('conflict', detail, [], null, { cause: error });
  }
}

export function notFound(pointer: string, detail: string): ManagementError {
  const errors = [{ pointer, detail }];
  return new ManagementError(
    'not_found',
    summary(errors, (fault) => fault.pointer),
    errors,
  );
}
