import { readdirSync, readFileSync } from 'node:fs';

/** What processes have used, from the kernel (Linux). */
export interface Usage {
  /** So far, all threads, user and system. */
  readonly cpuSeconds: number;
  /** What is theirs alone, and their share of what they share with others. */
  readonly memoryMb: number;
}

const TICKS_PER_SECOND = 100;

/** Of a process and all that it started and that still run. */
export function usageOf(pid: number): Usage {
  let cpuSeconds = 0;
  let memoryMb = 0;
  for (const each of treeOf(pid)) {
    const fields = statOf(each);
    if (fields === null) continue;
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    memoryMb += memoryOf(each);
  }
  return { cpuSeconds, memoryMb };
}

/** A process and its descendants, each after its parent. */
export function treeOf(pid: number): readonly number[] {
  const children = Map.groupBy(allPids(), (each) => Number(statOf(each)?.[1] ?? -1));
  const tree = [pid];
  for (const parent of tree) tree.push(...(children.get(parent) ?? []));
  return tree;
}

function allPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** The fields of /proc/PID/stat from the third on: before them stands a name that may have anything in it. */
function statOf(pid: number): readonly string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function memoryOf(pid: number): number {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    return Number(kilobytes ?? 0) / 1_024;
  } catch {
    return 0;
  }
}
