import t, { type Test } from 'tap';
import { HOUR_MS, type LimitName } from '../../src/core/limits.ts';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { type Answer, ask, type Issued, Site, STORES, until } from './site.ts';

const REQUESTS = 200;
const ALLOWED = 50;
const PLENTY = 1_000_000;

interface Limits {
  readonly hour: number;
  readonly day: number;
  readonly burst: number;
}

/** Limits of which one allows 50 and the others far more. The bucket of the last refills by one in a minute. */
const BINDING: Readonly<Record<LimitName, Limits>> = {
  hour: { hour: ALLOWED, day: PLENTY, burst: 5000 },
  day: { hour: PLENTY, day: ALLOWED, burst: PLENTY },
  burst: { hour: 60, day: PLENTY, burst: ALLOWED },
};

function limitOptions({ hour, day, burst }: Limits): string[] {
  return ['--per-hour', `${hour}`, '--per-day', `${day}`, '--burst', `${burst}`];
}

/** What is left of each limit and, in seconds, when it is whole again, as an answer says. */
function left(answer: Answer): Record<LimitName, { r: number; t: number }> {
  const header = answer.headers.get('ratelimit') ?? '';
  const found = /^"burst";r=(\d+);t=(\d+), "hour";r=(\d+);t=(\d+), "day";r=(\d+);t=(\d+)$/.exec(header);
  if (found === null) throw new Error(`RateLimit: ${header}`);
  const [burst = 0, burstIn = 0, hour = 0, hourIn = 0, day = 0, dayIn = 0] = found.slice(1).map(Number);
  return { burst: { r: burst, t: burstIn }, hour: { r: hour, t: hourIn }, day: { r: day, t: dayIn } };
}

function number(answer: Answer, name: string): number {
  const text = answer.headers.get(name) ?? '';
  if (!/^\d+$/.test(text)) throw new Error(`${name}: ${JSON.stringify(text)}`);
  return Number(text);
}

/** 0, 1, … up to the count. */
function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

/** Does it with a new key, and once more when the clock passed a full hour meanwhile: then the window was another. */
async function withinOneHour<T>(site: Site, limits: Limits, run: (key: Issued) => Promise<T>): Promise<T> {
  for (;;) {
    const key = await site.create(...limitOptions(limits));
    const hour = Math.floor(Date.now() / HOUR_MS);
    const result = await run(key);
    if (Math.floor(Date.now() / HOUR_MS) === hour) return result;
  }
}

/** Sends all requests at the same time, spread over the gateways. */
function flood(gateways: readonly Serving[], { secret }: Issued): Promise<Answer[]> {
  return Promise.all(upTo(REQUESTS).map((i) => ask(`${gateways[i % gateways.length]?.url}/things/${i}`, secret)));
}

/** What every answer that passed says; each admission is counted once and no number is missing. */
function checkAdmitted(t: Test, admitted: readonly Answer[], limits: Limits): void {
  const { hour, day, burst } = limits;
  const policy = `"burst";q=${burst};w=${Math.ceil((burst * 3600) / hour)}, "hour";q=${hour};w=3600, "day";q=${day};w=86400`;
  const remaining = (name: LimitName): number[] => ascending(admitted.map((answer) => left(answer)[name].r));
  const counted = upTo(ALLOWED);
  t.strictSame(
    remaining('hour'),
    counted.map((i) => hour - ALLOWED + i),
  );
  t.strictSame(
    remaining('day'),
    counted.map((i) => day - ALLOWED + i),
  );
  // That bucket fills as fast as it is emptied.
  if (limits !== BINDING.day) {
    t.strictSame(
      remaining('burst'),
      counted.map((i) => burst - ALLOWED + i),
    );
  }
  const said = admitted.map((answer) => ({
    policy: answer.headers.get('ratelimit-policy'),
    limit: number(answer, 'x-ratelimit-limit'),
    speaksOfTheHour: number(answer, 'x-ratelimit-remaining') === left(answer).hour.r,
    resetsOnTheHour: (number(answer, 'x-ratelimit-reset') * 1000) % HOUR_MS === 0,
    windowsEndTogether: (left(answer).day.t - left(answer).hour.t) % 3600 === 0,
    retryAfter: answer.headers.has('retry-after'),
  }));
  allSay(t, said, {
    policy,
    limit: hour,
    speaksOfTheHour: true,
    resetsOnTheHour: true,
    windowsEndTogether: true,
    retryAfter: false,
  });
}

/** What every refusal says: by which limit, until when, and that it cost nothing. */
function checkRefused(t: Test, refused: readonly Answer[], name: LimitName): void {
  const limits = BINDING[name];
  const window = { burst: 60, hour: 3600, day: 86_400 }[name];
  const said = refused.map((answer) => {
    const retryAfter = number(answer, 'retry-after');
    const { hour, day, burst } = left(answer);
    const { code, limit, retry_after } = JSON.parse(answer.body) as Record<string, unknown>;
    return {
      code,
      limit,
      retriesAgree: number(answer, 'x-ratelimit-retry-after') === retryAfter && retry_after === retryAfter,
      retriesInTheWindow: retryAfter > 0 && retryAfter <= window,
      resetsWithTheWindow: name === 'burst' || number(answer, 'x-ratelimit-reset') % window === 0,
      limits: [number(answer, 'x-ratelimit-limit'), number(answer, 'x-ratelimit-remaining')],
      hour: hour.r,
      day: day.r,
      burst: name === 'day' ? null : burst.r,
    };
  });
  allSay(t, said, {
    code: 'rate_limited',
    limit: name,
    retriesAgree: true,
    retriesInTheWindow: true,
    resetsWithTheWindow: true,
    limits: [ALLOWED, 0],
    hour: limits.hour - ALLOWED,
    day: limits.day - ALLOWED,
    burst: name === 'day' ? null : limits.burst - ALLOWED,
  });
}

/** One assertion for many answers, which shows the ones that differ. */
function allSay(t: Test, said: readonly object[], expected: object): void {
  t.strictSame([...new Set(said.map((each) => JSON.stringify(each)))], [JSON.stringify(expected)]);
}

for (const { name: storeName, open } of STORES) {
  t.test(`${storeName}: of ${REQUESTS} requests at the same time, the limit passes`, async (t) => {
    const upstream = await startRawUpstream(t);
    const site = new Site(t, { upstream: upstream.url, ...(await open(t)) });
    const gateways = [await site.serve(), await site.serve()];
    for (const name of ['hour', 'day', 'burst'] as const) {
      for (const count of [1, 2]) {
        await t.test(`limited by ${name}, gateways: ${count}`, async (t) => {
          const { key, answers, afterwards } = await withinOneHour(site, BINDING[name], async (key) => ({
            key,
            answers: await flood(gateways.slice(0, count), key),
            afterwards: await Promise.all(gateways.map(({ url }) => ask(url, key.secret))),
          }));
          const admitted = answers.filter(({ status }) => status === 200);
          const refused = answers.filter(({ status }) => status === 429);
          t.equal(admitted.length, ALLOWED, 'exactly as many as allowed');
          t.equal(refused.length, REQUESTS - ALLOWED);
          const arrived = upstream.requests.filter((request) => request.header('x-latchkey-key-id') === key.id);
          t.equal(arrived.length, ALLOWED, 'and no more of them reached the API');
          checkAdmitted(t, admitted, BINDING[name]);
          checkRefused(t, [...refused, ...afterwards], name);
        });
      }
    }
    for (const { stdout } of gateways) t.notMatch(stdout, '"level":"warn"', 'the store was never out of reach');
  });

  t.test(`${storeName}: what is refused for another reason spends nothing`, async (t) => {
    const upstream = await startRawUpstream(t);
    const access = 'access: { permissions: { things:read: [GET /things/*], things:write: [POST /things/*] } }\n';
    const site = new Site(t, { upstream: upstream.url, access, ...(await open(t)) });
    const { url } = await site.serve();
    const things = `${url}/things/1`;
    const write = { method: 'POST' };
    const limits = { hour: 10, day: 20, burst: 5 };
    const { key, first, denied, last } = await withinOneHour(site, limits, async (key) => {
      const { id, secret } = key;
      await site.json('update', id, '--permission', 'things:read');
      const first = await ask(things, secret);
      const denied: Answer[] = [];
      for (let i = 0; i < 10; i++) {
        denied.push(await ask(things, secret, write), await ask(`${url}/elsewhere`, secret));
        denied.push(await ask(`${url}/things/%00`, secret));
      }
      await site.json('update', id, '--ip', '192.0.2.1');
      await until(async () => (await ask(things, secret, write)).code === 'ip_blocked');
      await site.json('update', id, '--clear', 'ip');
      await until(async () => (await ask(things, secret, write)).code === 'permission_denied');
      return { key, first, denied, last: await ask(things, secret) };
    });
    t.strictSame(
      new Set(denied.map(({ status, code }) => `${status} ${code}`)),
      new Set(['403 permission_denied', '404 route_not_found', '400 request_rejected']),
    );
    t.match(left(first), { hour: { r: 9 }, day: { r: 19 }, burst: { r: 4 } });
    t.match(left(last), { hour: { r: 8 }, day: { r: 18 }, burst: { r: 3 } });
    const arrived = upstream.requests.filter((request) => request.header('x-latchkey-key-id') === key.id);
    t.equal(arrived.length, 2);
  });
}
