import { KeyError, type KeyFault } from '../../keys/key-error.ts';
import { type KeyCatalogue, permissionFaults } from '../../keys/key-input.ts';
import type { PermissionsInput } from '../schemas/key.ts';

/** Permissions as a list, and where each stood in what was given. */
export interface GivenPermissions {
  readonly permissions: readonly string[];
  readonly pointers: readonly string[];
}

interface Written {
  readonly permission: string;
  readonly pointer: string;
  /** `false` in an object of booleans. */
  readonly isGranted: boolean;
}

/**
 * The three forms in which permissions are written, as one list. What is wrong with those that are granted is for others
 * to find, together with everything else; see `placed`.
 *
 * @throws KeyError `KEY_INVALID` for what is no permission and is not granted either: a misspelt one does not pass
 */
export function givenPermissions(
  input: PermissionsInput,
  catalogue: Pick<KeyCatalogue, 'permissions'>,
): GivenPermissions {
  const written = Array.isArray(input) ? fromList(input) : Object.entries(input).flatMap(fromResource);
  const withheld = written.filter(({ isGranted }) => !isGranted);
  const faults = permissionFaults(
    withheld.map(({ permission }) => permission),
    catalogue,
  );
  if (faults.length > 0) throw placed(invalid(faults), pointersOf(withheld));
  const granted = written.filter(({ isGranted }) => isGranted);
  return { permissions: granted.map(({ permission }) => permission), pointers: pointersOf(granted) };
}

const INDEXED = /^permissions\[(\d+)\]$/;

/** The same error with its faults of permissions where these stood in what was given; any other error as it is. */
export function placed(error: unknown, pointers: readonly string[]): unknown {
  if (!(error instanceof KeyError) || error.code !== 'KEY_INVALID') return error;
  const faults = error.faults.map((fault) => {
    const index = INDEXED.exec(fault.field)?.[1];
    const pointer = index === undefined ? undefined : pointers[Number(index)];
    return pointer === undefined ? fault : { ...fault, pointer };
  });
  return new KeyError(error.code, error.message, faults);
}

/**
 * The permissions of a role, checked as a whole.
 * @throws KeyError `KEY_INVALID`
 */
export function checkedPermissions(
  input: PermissionsInput,
  catalogue: Pick<KeyCatalogue, 'permissions'>,
): readonly string[] {
  const { permissions, pointers } = givenPermissions(input, catalogue);
  const faults = permissionFaults(permissions, catalogue);
  if (faults.length > 0) throw placed(invalid(faults), pointers);
  return permissions;
}

function pointersOf(written: readonly Written[]): string[] {
  return written.map(({ pointer }) => pointer);
}

function invalid(faults: readonly KeyFault[]): KeyError {
  return new KeyError('KEY_INVALID', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
}

function fromList(list: readonly string[]): Written[] {
  return list.map((permission, index) => ({ permission, pointer: `/permissions/${index}`, isGranted: true }));
}

function fromResource([resource, actions]: [string, readonly string[] | Readonly<Record<string, boolean>>]): Written[] {
  const base = `/permissions/${escapePointer(resource)}`;
  const pairs: (readonly [action: string, place: string, isGranted: boolean])[] = Array.isArray(actions)
    ? actions.map((action, index) => [action, String(index), true] as const)
    : Object.entries(actions).map(([action, isGranted]) => [action, escapePointer(action), isGranted] as const);
  return pairs.map(([action, place, isGranted]) => ({
    permission: `${resource}:${action}`,
    pointer: `${base}/${place}`,
    isGranted,
  }));
}

/** RFC 6901 §3. */
function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}
