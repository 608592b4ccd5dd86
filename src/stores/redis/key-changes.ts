import type { KeyRecord } from '../../core/key.ts';
import type { ListIndex } from '../listing.ts';
import { positionsOf } from '../positions.ts';
import { digestsOf, encodeRecord } from '../record.ts';
import { CREATE_KEY, DELETE_KEY, REPLACE_KEY } from './change-scripts.ts';
import { BY_EXPIRY, BY_NAME, digestName, IMPORTED, listName, recordName } from './layout.ts';
import type { Client } from './link.ts';
import type { Change } from './writer.ts';

/** What a stored record says of the names that point to it. */
export interface Stored {
  readonly version: string;
  /** In the order of creation. */
  readonly position: string;
  readonly digests: readonly string[];
  readonly lists: readonly string[];
}

/** What the scripts have to touch depends on what is there; they check the version, which says that it is there still. */
export async function readStored(client: Client, id: string): Promise<Stored | null> {
  const names = ['version', 'position', 'type', 'owner', 'status', 'digest', 'previous'];
  const [version, position, type, owner, status, digest, previous] = await client.hmget(recordName(id), ...names);
  if (!version || !position) return null;
  const digests = [digest, previous].filter((value): value is string => typeof value === 'string' && value !== '');
  return { version, position, digests, lists: listsOf(type ?? '', owner ?? '', status ?? '') };
}

export function createChange(record: KeyRecord): Change {
  const digests = digestsOf(record);
  const { created, name, expires } = positionsOf(record);
  return {
    script: CREATE_KEY,
    keys: [...fixedNames(record.id), IMPORTED, ...digests.map(digestName), ...listsOfRecord(record)],
    args: [digests.length, record.id, created, name, expires, imported(record), ...fields(record)],
  };
}

export function replaceChange(old: Stored, record: KeyRecord): Change {
  const { created, name, expires } = positionsOf(record);
  const lists = listsOfRecord(record);
  const digests = digestsOf(record);
  const moved = old.position !== created;
  const claim = digests.filter((digest) => !old.digests.includes(digest)).map(digestName);
  const drop = old.digests.filter((digest) => !digests.includes(digest)).map(digestName);
  const leave = old.lists.filter((list) => moved || !lists.includes(list));
  const join = lists.filter((list) => moved || !old.lists.includes(list));
  const numbers = [claim.length, drop.length, leave.length, join.length];
  const places = [old.position, created, record.version - 1, name, expires];
  return {
    script: REPLACE_KEY,
    keys: [...fixedNames(record.id), IMPORTED, ...claim, ...drop, ...leave, ...join],
    args: [...numbers, record.id, ...places, imported(record), ...fields(record)],
  };
}

export function deleteChange(id: string, old: Stored): Change {
  return {
    script: DELETE_KEY,
    keys: [...fixedNames(id), ...old.digests.map(digestName), ...old.lists],
    args: [old.digests.length, id, old.position, 'version', old.version],
  };
}

/** Takes away what `createChange` made, for as long as it is as it was made. */
export function undoCreateChange(record: KeyRecord): Change {
  const digests = digestsOf(record);
  return {
    script: DELETE_KEY,
    keys: [...fixedNames(record.id), ...digests.map(digestName), ...listsOfRecord(record)],
    args: [digests.length, record.id, positionsOf(record).created, 'json', encodeRecord(record)],
  };
}

function fixedNames(id: string): string[] {
  return [recordName(id), BY_NAME, BY_EXPIRY];
}

function imported(record: KeyRecord): string {
  return record.imported ? '1' : '';
}

function fields(record: KeyRecord): (string | number)[] {
  const { version, type, owner, status } = record;
  const { created: position, name: by_name, expires: by_expiry } = positionsOf(record);
  const [digest = '', previous = ''] = digestsOf(record);
  const json = encodeRecord(record);
  return Object.entries({ json, version, position, by_name, by_expiry, type, owner, status, digest, previous }).flat();
}

function listsOfRecord({ type, owner, status }: KeyRecord): string[] {
  return listsOf(type, owner, status);
}

function listsOf(type: string, owner: string, status: string): string[] {
  const indexes: ListIndex[] = [
    { name: 'all' },
    { name: 'type', value: type },
    { name: 'owner', value: owner },
    { name: 'status', value: status },
  ];
  return indexes.map(listName);
}
