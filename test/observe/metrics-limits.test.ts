/** What a gateway asks its store for, and what it takes ahead, as a scrape tells it. */
import t from 'tap';
import { ANYWHERE } from '../cli/serving.ts';
import { Line, scrape } from '../e2e/fleet.ts';
import { redisFor, Site, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

t.test('each admission asked the store or was taken ahead, whichever worker it came to', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.ok());
  const { url } = await redisFor(t);
  const site = new Site(t, { upstream: upstream.url, store: `${url}/0` });
  const gateway = await site.serve([...ANYWHERE, '--workers', '2']);
  const { secret } = await site.create('--per-hour', '100000', '--per-day', '1000000', '--burst', '10000');
  const lines = Array.from({ length: 8 }, () => new Line(t, gateway.url, secret));
  const start = await scrape(gateway);
  t.equal(start.get('latchkey_limit_questions_total'), 0);
  t.equal(start.get('latchkey_limit_spent_ahead_total'), 0);
  t.equal(start.get('latchkey_limit_leases_open'), 0);

  // One request at a time: when several wait, one question may be for all of them.
  let admitted = 0;
  const use = async (): Promise<void> => {
    for (const line of lines) {
      const { status } = await line.get('/');
      if (status !== 200) throw new Error(`answered with ${status}`);
      admitted++;
    }
  };
  // A key has to be busy for that, which on a slow machine it may be later.
  await until(async () => {
    for (let i = 0; i < 10; i++) await use();
    const found = await scrape(gateway);
    return (
      (found.get('latchkey_limit_spent_ahead_total') ?? 0) > 0 && (found.get('latchkey_limit_leases_open') ?? 0) > 0
    );
  });
  const found = await scrape(gateway);
  const questions = found.get('latchkey_limit_questions_total') ?? 0;
  const spentAhead = found.get('latchkey_limit_spent_ahead_total') ?? 0;
  t.ok(questions > 0);
  t.equal(questions + spentAhead, admitted, `${questions} questions, ${spentAhead} taken ahead`);
  t.equal(found.get('latchkey_limit_fallback_total'), 0);
  await until(async () => (await scrape(gateway)).get('latchkey_limit_leases_open') === 0);
  t.pass('what was not spent has gone back');
});
