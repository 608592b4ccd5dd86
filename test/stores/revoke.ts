import type { Store } from '../../src/core/ports.ts';

export async function revoke({ keys }: Store, id: string): Promise<void> {
  const record = await keys.get(id);
  if (record === null) throw new Error(`no key ${id}`);
  await keys.replace({ ...record, status: 'revoked', version: record.version + 1 });
}
