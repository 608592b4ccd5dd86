import { Counter, Gauge, type Registry } from 'prom-client';

/** The kinds of metrics whose numbers others count: each is read when it is scraped. */

export function addCounter(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

export function addGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number,
  across: 'sum' | 'min' = 'sum',
) {
  new Gauge({
    name,
    help,
    registers: [registry],
    aggregator: across,
    collect() {
      this.set(read());
    },
  });
}

/** @param read undefined: there is no such sample now */
export function addMaybeGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | undefined,
  across: 'min' | 'max',
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    aggregator: across,
    collect() {
      const value = read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}

export function addLabelled(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
}

export function counts(of: Readonly<Record<string, { readonly n: number }>>): [string, number][] {
  return Object.entries(of).map(([name, { n }]) => [name, n]);
}
