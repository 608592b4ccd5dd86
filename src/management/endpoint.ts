import type { ZodType } from 'zod';
import type { Caller } from './caller.ts';
import type { FailureCode } from './failures.ts';

/** One call, after its token, its parameters and its body were checked. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Versions that If-Match names; null: the header is absent or `*`. */
  readonly ifMatch: readonly number[] | null;
  readonly idempotencyKey: string | null;
  /** Last-Event-ID: the event after which a stream goes on; null: the header is absent. */
  readonly lastEventId: string | null;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What a call is answered with. */
export interface Reply {
  readonly status: 200 | 201 | 204;
  /** Sent as JSON; absent with 204 and with `events`. */
  readonly body?: unknown;
  /** Version of what is shown or changed, for the ETag. */
  readonly version?: number;
  /** Path of what was made, for Location. */
  readonly location?: string;
  /** Sent as server-sent events (text/event-stream) until it ends or the client is gone. */
  readonly events?: AsyncIterable<ServerEvent>;
}

export interface ServerEvent {
  /** For Last-Event-ID. */
  readonly id?: string;
  /** Sent as JSON; absent: a comment that keeps the connection alive. */
  readonly data?: unknown;
}

/**
 * One method of one path of the management API. Routing, checking, the OpenAPI document and its page are all made from
 * these; a new endpoint is one of them in the list.
 */
export interface Endpoint<Params = unknown, Query = unknown, Body = unknown> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Like `/api-keys/{id}`. */
  readonly path: string;
  readonly operationId: string;
  /** Heading that it stands under: `Keys`, `Usage`, … */
  readonly tag: string;
  /** One line. */
  readonly summary: string;
  /** More, in CommonMark. */
  readonly description?: string;
  /** Strict object of strings. */
  readonly params?: ZodType<Params>;
  /** Strict object that takes strings, or arrays of strings where a parameter came several times. */
  readonly query?: ZodType<Query>;
  /** Checked after it was parsed as JSON; absent: a body is refused unless it is empty. */
  readonly body?: ZodType<Body>;
  /** Whether an empty body stands for `{}`. */
  readonly bodyMayBeEmpty?: boolean;
  /** Whether Idempotency-Key is honoured. */
  readonly isIdempotent?: boolean;
  /** Whether it changes nothing, whatever its method says; `GET` never changes anything. */
  readonly onlyAsks?: boolean;
  /** Whether If-Match is honoured, and ETag sent. */
  readonly isVersioned?: boolean;
  /** Success status to the schema of its body; null: no body. A stream of events has the schema of one. */
  readonly answers: Readonly<Partial<Record<200 | 201 | 204, ZodType | null>>>;
  /** How it can fail besides what goes for all of its kind; for the documentation. */
  readonly alsoFails?: readonly FailureCode[];
  /** Answers with server-sent events when `follow=true` is asked for. */
  readonly streams?: boolean;
  handle(call: Call<Params, Query, Body>): Promise<Reply>;
}

/** Whether a call may change something. */
export function mayChange({ method, onlyAsks }: Endpoint): boolean {
  return method !== 'GET' && onlyAsks !== true;
}

/** Keeps the types of an endpoint's parts together; the list holds endpoints of all kinds. */
export function endpoint<Params, Query, Body>(given: Endpoint<Params, Query, Body>): Endpoint {
  return given;
}
