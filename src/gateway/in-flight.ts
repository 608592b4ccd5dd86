/** What can be in an InFlight list. The list alone writes these two. */
export interface Listed<T> {
  previous: T | null;
  next: T | null;
}

/**
 * The exchanges that have no whole answer yet, linked through themselves. A Set would do the same at a price: each time
 * it makes room, its old table goes on pointing at the new one, and once one such table has grown old, everything that
 * ever was in the set survives until the next full garbage collection.
 */
export class InFlight<T extends Listed<T>> {
  size = 0;
  #first: T | null = null;

  add(item: T): void {
    const first = this.#first;
    item.next = first;
    if (first !== null) first.previous = item;
    this.#first = item;
    this.size++;
  }

  /** Must be called once for each item that was added. */
  remove(item: T): void {
    const { previous, next } = item;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    // A removed item that lives on must not keep its neighbours.
    item.previous = null;
    item.next = null;
    this.size--;
  }

  /** All that are in it now. */
  items(): T[] {
    const items: T[] = [];
    for (let item = this.#first; item !== null; item = item.next) items.push(item);
    return items;
  }
}
