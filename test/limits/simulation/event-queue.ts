interface Event {
  readonly at: number;
  readonly serial: number;
  readonly run: () => void;
}

/** What happens later, by virtual time; of two at the same time the one that was planned first. A binary heap. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #serial = 0;
  /** Virtual milliseconds since the beginning. */
  now = 0;

  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** @param inMs from now on; 0 is after what is planned for now already */
  plan(inMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { at: this.now + inMs, serial: this.#serial++, run };
    let i = heap.length;
    for (; i > 0; ) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Event;
      if (!isBefore(event, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = event;
  }

  /** Turns the time to the next event and lets it happen. */
  runNext(): void {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return;
    if (heap.length > 0) this.#sink(last);
    this.now = first.at;
    first.run();
  }

  #sink(event: Event): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Event)) child++;
      const below = heap[child] as Event;
      if (!isBefore(below, event)) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = event;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.serial < b.serial);
}
