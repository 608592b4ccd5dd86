/**
 * CPU per request of the gateway and its peers, each alone on one core, in turn, several rounds, so that what disturbs
 * the machine disturbs all of them. Prints medians, and ratios within a round.
 *
 *   npm run bench                      all contestants
 *   npm run bench -- latchkey          those whose name has this in it, beside the reference
 *   ROUNDS / SECONDS / CONNECTIONS are options: --rounds 3 --seconds 8 --connections 64
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { newSecret } from '../../src/keys/secret.ts';
import { CONTESTANTS, type Contestant, type Setting } from './contestants.ts';
import { drive, loadToolVersion } from './load.ts';
import { startPinned, usageOf } from './process.ts';
import { type Measured, report } from './report.ts';

const GATEWAY_CORE = 0;
const OTHER_CORE = 1;
const KEYS = 10_000;
const REFERENCE = '@fastify/http-proxy';
const WARM_UP_SECONDS = 6;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    connections: { type: 'string', default: '64' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);

const chosen = CONTESTANTS.filter(
  ({ name }) => positionals.length === 0 || name === REFERENCE || positionals.some((wanted) => name.includes(wanted)),
);
for (const { name, missing } of chosen) {
  if (missing !== null) process.stderr.write(`left out: ${name} (there is no ${missing} here)\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
const keys = Array.from({ length: KEYS }, () => newSecret('lk'));
const keysFile = join(folder, 'keys.txt');
writeFileSync(keysFile, keys.join('\n'));

const upstream = startPinned(OTHER_CORE, process.execPath, [new URL('upstream.ts', import.meta.url).pathname]);
const [, upstreamPort] = await upstream.waitFor(/^ready (\d+)$/);

async function measure(contestant: Contestant, round: number): Promise<Measured> {
  const own = mkdtempSync(join(folder, `${round}-`));
  const setting: Setting = {
    core: GATEWAY_CORE,
    otherCore: OTHER_CORE,
    upstreamPort: Number(upstreamPort),
    keysFile,
    folder: own,
  };
  const running = await contestant.start(setting);
  const url = `http://127.0.0.1:${running.port}/api/domains/42`;
  const load = { core: OTHER_CORE, url, keysFile, keys, connections, folder: own };
  try {
    await drive({ ...load, seconds: WARM_UP_SECONDS });
    const before = running.pid === null ? null : usageOf(running.pid);
    const result = await drive({ ...load, seconds });
    const after = running.pid === null ? null : usageOf(running.pid);
    const cpuMicros =
      before === null || after === null ? null : ((after.cpuSeconds - before.cpuSeconds) * 1e6) / result.requests;
    return { name: contestant.name, round, cpuMicros, memoryMb: after?.memoryMb ?? null, ...result };
  } finally {
    await running.stop();
  }
}

const measured: Measured[] = [];
try {
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of chosen.filter(({ missing }) => missing === null)) {
      const result = await measure(contestant, round);
      measured.push(result);
      const cpu = result.cpuMicros === null ? '' : `, ${result.cpuMicros.toFixed(1)} µs CPU each`;
      process.stderr.write(
        `round ${round}: ${result.name}: ${Math.round(result.requestsPerSecond)} requests/s${cpu}, ${result.failures} failed\n`,
      );
    }
  }
} finally {
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
}
const conditions = `${rounds} rounds of ${seconds} s, ${connections} connections, ${KEYS} keys, ${loadToolVersion()}, Node ${process.version}`;
process.stdout.write(report(measured, REFERENCE, conditions));
