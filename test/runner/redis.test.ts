import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t from 'tap';
import { ensureRedisServer, findOnPath, type Machine } from './redis.ts';

/** Programs in a folder of their own, each a shell script; `$dir` in them is that folder. */
function programs(t: { testdir(): string }, scripts: Readonly<Record<string, string>>): string {
  const dir = t.testdir();
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(dir, name), `#!/bin/sh\ndir=${dir}\n${script}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return dir;
}

/** Stands for Debian's apt-get: writes down what it was asked, and installs when it has package lists. */
const APT_GET = `
echo "$@" >> $dir/calls
[ -e $dir/policy-rc.d ] && echo policy >> $dir/calls
case "$*" in
  *update*) : > $dir/lists ;;
  *install*)
    [ -e $dir/lists ] || { echo "E: Unable to locate package redis-server" >&2; exit 100; }
    printf '#!/bin/sh\\n' > $dir/redis-server; /bin/chmod 755 $dir/redis-server ;;
esac`;

/** A machine with these programs and no others; `announced` is what it told its user. */
function machine(dir: string, uid: number): Machine & { readonly announced: string[] } {
  const announced: string[] = [];
  const announce = (line: string): void => void announced.push(line);
  return { path: dir, uid, servicePolicyFile: join(dir, 'policy-rc.d'), announce, announced };
}

function calls(dir: string): string[] {
  return existsSync(join(dir, 'calls')) ? readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') : [];
}

t.test('a redis-server on the PATH is used', async (t) => {
  const dir = programs(t, { 'redis-server': '', 'apt-get': APT_GET });
  t.equal(ensureRedisServer({ ...machine(dir, 0), path: `/nowhere${delimiter}${dir}` }), null);
  t.strictSame(calls(dir), []);
});

t.test('a file that cannot be run is not a program', async (t) => {
  const dir = programs(t, { 'redis-server': '' });
  chmodSync(join(dir, 'redis-server'), 0o644);
  t.equal(findOnPath('redis-server', dir), null);
  t.equal(findOnPath('redis-server', ''), null);
});

t.test('without it, someone who is not root is told in one line what to install', async (t) => {
  const dir = programs(t, { 'apt-get': APT_GET });
  const line = ensureRedisServer(machine(dir, 1000));
  t.match(line, /redis-server.*apt-get install redis-server/);
  t.notMatch(line, /\n/);
  t.strictSame(calls(dir), []);
});

t.test('without it, root on another system is told the same', async (t) => {
  const dir = programs(t, {});
  t.match(ensureRedisServer(machine(dir, 0)), /redis-server/);
});

t.test('root on Debian gets the package, fetching the lists when they are missing, and no service', async (t) => {
  const dir = programs(t, { 'apt-get': APT_GET });
  const debian = machine(dir, 0);
  t.equal(ensureRedisServer(debian), null);
  const install = '-qq install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 redis-server';
  t.strictSame(calls(dir), [install, 'policy', '-qq update', 'policy', install, 'policy']);
  t.equal(existsSync(debian.servicePolicyFile), false, 'the policy is gone again');
  t.strictSame(debian.announced, ['Installing the Debian package redis-server for the tests.']);
});

t.test('a service policy that was there stays', async (t) => {
  const dir = programs(t, { 'apt-get': APT_GET, 'policy-rc.d': 'exit 0' });
  const servicePolicyFile = join(dir, 'policy-rc.d');
  const before = readFileSync(servicePolicyFile, 'utf8');
  t.equal(ensureRedisServer(machine(dir, 0)), null);
  t.equal(readFileSync(servicePolicyFile, 'utf8'), before);
});

t.test('an apt-get that fails is quoted, in one line', async (t) => {
  const dir = programs(t, { 'apt-get': 'echo "first"; echo "W: odd" >&2; echo "E: No network" >&2; exit 100' });
  const line = ensureRedisServer(machine(dir, 0));
  t.match(line, /redis-server.*E: No network/);
  t.notMatch(line, /\n/);
  t.equal(existsSync(join(dir, 'policy-rc.d')), false);
});
