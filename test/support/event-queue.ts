/** Events that a test pushes, as the stream that the code under test reads. */

export interface EventQueue<T> {
  /** Says an event; undefined ends the stream. */
  push: (event: T | undefined) => void;
  stream: AsyncIterable<T>;
}

/** A stream that ends when `signal` aborts. */
export function eventQueue<T>(signal: AbortSignal): EventQueue<T> {
  const queue: (T | undefined)[] = [];
  let wake: (() => void) | undefined;
  const push = (event: T | undefined): void => {
    queue.push(event);
    wake?.();
  };
  async function* events(): AsyncGenerator<T> {
    for (;;) {
      while (queue.length > 0) {
        const event = queue.shift();
        if (event === undefined) return;
        yield event;
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  signal.addEventListener('abort', () => push(undefined));
  return { push, stream: events() };
}
