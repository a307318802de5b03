// What is to happen when, on a clock that jumps from one event to the next: a binary heap. Events of one instant come in
// the order in which they were put in, so that a run is the same each time.

export type Agenda<Event> = {
  /** `at` in milliseconds since the epoch. */
  readonly put: (at: number, event: Event) => void;
  readonly next: () => { readonly at: number; readonly event: Event } | null;
  /** Instant of the next event; null when there is none. */
  readonly peek: () => number | null;
};

type Entry<Event> = { readonly at: number; readonly order: number; readonly event: Event };

const isBefore = <Event>(a: Entry<Event>, b: Entry<Event>): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

export function agenda<Event>(): Agenda<Event> {
  const heap: Entry<Event>[] = [];
  let order = 0;

  const rise = (start: number): void => {
    for (let i = start; i > 0; ) {
      const parent = (i - 1) >>> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) return;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  };
  const sink = (): void => {
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  };

  return {
    put: (at, event) => {
      order += 1;
      heap.push({ at, order, event });
      rise(heap.length - 1);
    },
    next: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return null;
      if (heap.length > 0) {
        heap[0] = last;
        sink();
      }
      return { at: first.at, event: first.event };
    },
    peek: () => heap[0]?.at ?? null,
  };
}
