import { randomUUID } from 'node:crypto';
import type { ZodType } from 'zod';
import type { FollowedEntry, Idempotent, ManagementClient, Versioned } from './client.ts';
import { readAnswer, readNothing } from './remote-answer.ts';
import { RemoteError } from './remote-error.ts';
import { type ConnectionWatcher, followRemote, RETRY_DELAYS_MS } from './remote-follow.ts';
import { type RemoteOptions, type RemoteRequest, RemoteTransport } from './remote-transport.ts';
import { type AuditList, type AuditQueryInput, auditList } from './schemas/audit.ts';
import { type BulkChange, type BulkResult, bulkResult } from './schemas/bulk.ts';
import {
  type PermissionList,
  type PresetList,
  permissionList,
  presetList,
  type RoleAnswer,
  type RoleCreate,
  type RoleList,
  type RoleUpdate,
  role,
  roleList,
  type TierList,
  tierList,
} from './schemas/catalogue.ts';
import { type ExplainRequest, type ExplanationAnswer, explanation } from './schemas/explain.ts';
import {
  type KeyAnswer,
  type KeyChanged,
  type KeyCreate,
  type KeyDeleted,
  type KeyIssued,
  type KeyList,
  type KeyListQuery,
  type KeyRotate,
  type KeyRotated,
  type KeySecret,
  type KeySwitched,
  type KeyUpdate,
  keyAnswer,
  keyChanged,
  keyDeleted,
  keyIssued,
  keyList,
  keyRotated,
  keySecret,
  keySwitched,
} from './schemas/key.ts';
import {
  type KeyUsageAnswer,
  keyUsage,
  type LogList,
  type LogQueryInput,
  logList,
  type OwnerUsageAnswer,
  ownerUsage,
  type TotalUsageAnswer,
  totalUsage,
  type UsageQuery,
} from './schemas/usage.ts';

export interface RemoteClientOptions extends RemoteOptions, ConnectionWatcher {
  /** How long to wait before each attempt to take up a stream that was cut, in ms. */
  readonly retryDelaysMs?: readonly number[];
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Manages a gateway over HTTP. Beside what every client throws there is a RemoteError, when nobody answers or it is not
 * Latchkey that does.
 */
export class RemoteClient implements ManagementClient {
  readonly #transport: RemoteTransport;
  readonly #retryDelaysMs: readonly number[];
  readonly #watcher: ConnectionWatcher;

  constructor(options: RemoteClientOptions) {
    this.#transport = new RemoteTransport(options);
    this.#retryDelaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
    this.#watcher = options;
  }

  /** Ends every connection; no call may follow. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Asks once more when the connection is lost: the key is made once, and its secret must not go with an answer. */
  async createKey(body: KeyCreate, options?: Idempotent): Promise<KeyIssued> {
    const headers = idempotent({ idempotencyKey: options?.idempotencyKey ?? randomUUID() });
    const ask = (): Promise<KeyIssued> => this.#ask(keyIssued, { method: 'POST', path: '/api-keys', body, headers });
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof RemoteError) || error.code !== 'SERVER_UNREACHABLE') throw error;
      return ask();
    }
  }

  listKeys(query: KeyListQuery): Promise<KeyList> {
    return this.#get(keyList, '/api-keys', query);
  }

  getKey(id: string): Promise<KeyAnswer> {
    return this.#get(keyAnswer, keyPath(id));
  }

  updateKey(id: string, body: KeyUpdate, options?: Versioned): Promise<KeyChanged> {
    return this.#ask(keyChanged, { method: 'PUT', path: keyPath(id), body, headers: versioned(options) });
  }

  rotateKey(id: string, body: KeyRotate, options?: Versioned): Promise<KeyRotated> {
    return this.#ask(keyRotated, { method: 'POST', path: keyPath(id, 'rotate'), body, headers: versioned(options) });
  }

  enableKey(id: string, options?: Versioned): Promise<KeySwitched> {
    return this.#ask(keySwitched, { method: 'POST', path: keyPath(id, 'enable'), headers: versioned(options) });
  }

  disableKey(id: string, options?: Versioned): Promise<KeySwitched> {
    return this.#ask(keySwitched, { method: 'POST', path: keyPath(id, 'disable'), headers: versioned(options) });
  }

  revokeKey(id: string, options?: Versioned): Promise<KeySwitched> {
    return this.#ask(keySwitched, { method: 'POST', path: keyPath(id, 'revoke'), headers: versioned(options) });
  }

  deleteKey(id: string, options?: Versioned): Promise<KeyDeleted> {
    return this.#ask(keyDeleted, { method: 'DELETE', path: keyPath(id), headers: versioned(options) });
  }

  keySecret(id: string): Promise<KeySecret> {
    return this.#get(keySecret, keyPath(id, 'secret'));
  }

  bulkChange(body: BulkChange): Promise<BulkResult> {
    return this.#ask(bulkResult, { method: 'POST', path: '/api-keys/bulk', body });
  }

  keyUsage(id: string, query: UsageQuery): Promise<KeyUsageAnswer> {
    return this.#get(keyUsage, keyPath(id, 'usage'), query);
  }

  ownerUsage(owner: string, query: UsageQuery): Promise<OwnerUsageAnswer> {
    return this.#get(ownerUsage, `/owners/${encodeURIComponent(owner)}/usage`, query);
  }

  totalUsage(query: UsageQuery): Promise<TotalUsageAnswer> {
    return this.#get(totalUsage, '/usage', query);
  }

  keyLogs(id: string, query: LogQueryInput): Promise<LogList> {
    return this.#get(logList, keyPath(id, 'logs'), { ...query, follow: undefined });
  }

  /** A stream that is cut is taken up again, a bounded number of times. */
  followLogs(
    id: string,
    query: LogQueryInput,
    signal: AbortSignal,
    after?: string,
  ): AsyncIterable<FollowedEntry | null> {
    return followRemote({
      transport: this.#transport,
      pathFrom: (from) =>
        withQuery(keyPath(id, 'logs'), { ...query, ...(from === null ? {} : { from }), follow: true }),
      signal,
      after,
      retryDelaysMs: this.#retryDelaysMs,
      watcher: this.#watcher,
    });
  }

  explain(body: ExplainRequest): Promise<ExplanationAnswer> {
    return this.#ask(explanation, { method: 'POST', path: '/explain', body });
  }

  permissions(): Promise<PermissionList> {
    return this.#get(permissionList, '/permissions');
  }

  presets(): Promise<PresetList> {
    return this.#get(presetList, '/presets');
  }

  tiers(): Promise<TierList> {
    return this.#get(tierList, '/tiers');
  }

  listRoles(): Promise<RoleList> {
    return this.#get(roleList, '/roles');
  }

  getRole(name: string): Promise<RoleAnswer> {
    return this.#get(role, rolePath(name));
  }

  createRole(body: RoleCreate): Promise<RoleAnswer> {
    return this.#ask(role, { method: 'POST', path: '/roles', body });
  }

  updateRole(name: string, body: RoleUpdate, options?: Versioned): Promise<RoleAnswer> {
    return this.#ask(role, { method: 'PUT', path: rolePath(name), body, headers: versioned(options) });
  }

  deleteRole(name: string, options?: Versioned): Promise<void> {
    return this.#delete(rolePath(name), options);
  }

  auditLogs(query: AuditQueryInput): Promise<AuditList> {
    return this.#get(auditList, '/audit-logs', query);
  }

  #get<T>(schema: ZodType<T>, path: string, query: Query = {}): Promise<T> {
    return this.#ask(schema, { method: 'GET', path: withQuery(path, query) });
  }

  async #ask<T>(schema: ZodType<T>, request: RemoteRequest): Promise<T> {
    return readAnswer(await this.#transport.request(request), schema, this.#transport.place);
  }

  async #delete(path: string, options: Versioned | undefined): Promise<void> {
    const answer = await this.#transport.request({ method: 'DELETE', path, headers: versioned(options) });
    return readNothing(answer, this.#transport.place);
  }
}

function keyPath(id: string, action?: string): string {
  return `/api-keys/${encodeURIComponent(id)}${action === undefined ? '' : `/${action}`}`;
}

function rolePath(name: string): string {
  return `/roles/${encodeURIComponent(name)}`;
}

function withQuery(path: string, query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

/** Versions as the entity tags that the API gives them. */
function versioned(options: Versioned | undefined): Record<string, string> {
  const versions = options?.ifMatch ?? null;
  return versions === null ? {} : { 'if-match': versions.map((version) => `"v${version}"`).join(', ') };
}

function idempotent(options: Idempotent | undefined): Record<string, string> {
  const key = options?.idempotencyKey ?? null;
  return key === null ? {} : { 'idempotency-key': key };
}
