import { given } from '../../core/given.ts';
import type { KeyRestrictions } from '../../core/key.ts';
import type { SecretHasher } from '../../keys/hasher.ts';
import type { KeyFields } from '../../keys/key-input.ts';
import type { NewKey } from '../../keys/new-record.ts';
import { SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';
import { discreet, type RowFault } from './fault.ts';
import type { Row } from './rows.ts';
import { fromHash, fromSecret, type GivenSecret, secretFault } from './secret-input.ts';
import {
  booleanValue,
  expiryValue,
  listValue,
  metadataValue,
  permissionsValue,
  textValue,
  timeValue,
  Wrong,
} from './values.ts';

/** What a key may do. */
type Grant = Partial<Pick<KeyFields, 'permissions' | 'preset' | 'roles'>>;

/** What a row that does not say gets. */
export interface KeyDefaults extends Grant {
  readonly type?: string;
  readonly owner?: string;
  readonly tier?: string;
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAt?: number | null;
}

export interface RowReading {
  readonly defaults: KeyDefaults;
  readonly hasher: SecretHasher;
  /** Characters that a plain secret needs. */
  readonly minSecretLength: number;
}

/** A key as a row gives it. */
export interface GivenKey {
  readonly line: number;
  readonly input: NewKey;
  readonly secret: GivenSecret;
  /** Milliseconds since the epoch; undefined: nobody says. */
  readonly createdAt: number | undefined;
}

/** Reads one row. @returns the key, or everything that is wrong with the row */
export function keyOf(row: Row, { defaults, hasher, minSecretLength }: RowReading): GivenKey | readonly RowFault[] {
  const values = new Values(row);
  const plain = values.read('secret', textValue);
  const secret = readSecret(values, plain, hasher, minSecretLength);
  const texts = { description: values.read('description', textValue), metadata: readMetadata(values) };
  const type = values.read('type', textValue) ?? defaults.type;
  const owner = values.read('owner', textValue) ?? defaults.owner;
  const name = values.read('name', textValue);
  if (name === undefined) values.fault('name', 'is missing; expected what people call the key');
  if (type === undefined) values.fault('type', 'is missing; give the column, or --type for all rows');
  if (owner === undefined) values.fault('owner', 'is missing; give the column, or --owner for all rows');
  const expiresAt = values.read('expires_at', expiryValue);
  const input: Partial<KeyFields> = {
    ...given({ ...texts, tier: values.read('tier', textValue) ?? defaults.tier }),
    ...given({ expiresAt: expiresAt === undefined ? defaults.expiresAt : expiresAt }),
    ...readGrant(values, defaults),
    ...readRestrictions(values),
  };
  const createdAt = values.read('created_at', timeValue);
  if (plain !== undefined) values.mustNotHold(plain, { name, type, owner, ...input });
  if (values.faults.length > 0 || secret === null || name === undefined || type === undefined || owner === undefined) {
    return values.faults;
  }
  return { line: row.line, input: { ...input, name, type, owner }, secret, createdAt };
}

/** The values of one row; what is wrong with them is collected. */
class Values {
  readonly faults: RowFault[] = [];
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
  }

  read<T>(name: string, parse: (value: unknown) => T | Wrong): T | undefined {
    const value = this.#row.fields.get(name);
    if (value === undefined) return undefined;
    const result = parse(value);
    if (!(result instanceof Wrong)) return result;
    this.fault(name, result.message);
    return undefined;
  }

  /** Names of the columns that begin so. */
  named(prefix: string): string[] {
    return [...this.#row.fields.keys()].filter((name) => name.startsWith(prefix));
  }

  has(name: string): boolean {
    return this.#row.fields.has(name);
  }

  fault(field: string, message: string): void {
    this.faults.push({ line: this.#row.line, field, message: discreet(message) });
  }

  /** What is shown of a key must not be what opens it. */
  mustNotHold(secret: string, shown: object): void {
    for (const [field, value] of Object.entries(shown)) {
      if (JSON.stringify(value)?.includes(JSON.stringify(secret).slice(1, -1))) {
        this.fault(field, 'holds the secret itself, which would be shown to everybody who may see the key');
      }
    }
  }
}

function readSecret(
  values: Values,
  plain: string | undefined,
  hasher: SecretHasher,
  minLength: number,
): GivenSecret | null {
  const hashed = values.read('sha256', textValue);
  if (plain !== undefined && hashed !== undefined) {
    values.fault('sha256', 'is given beside the secret; expected one of the two');
    return null;
  }
  if (plain !== undefined) {
    const fault = secretFault(plain, minLength);
    if (fault === null) return fromSecret(plain, hasher);
    values.fault('secret', fault);
  } else if (hashed !== undefined) {
    const secret = fromHash(hashed);
    if (secret !== null) return secret;
    values.fault('sha256', 'is no SHA-256; expected 64 hexadecimal digits, or 43 characters of base64 or base64url');
  } else if (!values.has('secret') && !values.has('sha256')) {
    values.fault('secret', 'is missing; expected the secret, or its SHA-256 as sha256');
  }
  return null;
}

/** A row that grants anything says all that its key may do: nothing comes on top. */
function readGrant(values: Values, defaults: KeyDefaults): Grant {
  const own = given({
    permissions: values.read('permissions', permissionsValue),
    preset: values.read('preset', textValue),
    roles: values.read('roles', listValue),
  });
  const says = ['permissions', 'preset', 'roles'].some((name) => values.has(name));
  const { permissions, preset, roles } = defaults;
  return says ? own : given({ permissions, preset, roles });
}

function readRestrictions(values: Values): { restrictions?: KeyRestrictions } {
  const read = SIMPLE_RESTRICTIONS.map(({ field, none }) => {
    const value = typeof none === 'boolean' ? values.read(field, booleanValue) : values.read(field, listValue);
    return [field, value] as const;
  }).filter(([, value]) => value !== undefined);
  return read.length === 0 ? {} : { restrictions: Object.fromEntries(read) };
}

function readMetadata(values: Values): Record<string, string> | undefined {
  const whole = values.read('metadata', metadataValue);
  const prefix = 'metadata.';
  const single = values.named(prefix).map((name) => [name.slice(prefix.length), values.read(name, textValue) ?? '']);
  if (whole === undefined && single.length === 0) return undefined;
  return { ...whole, ...(Object.fromEntries(single) as Record<string, string>) };
}
