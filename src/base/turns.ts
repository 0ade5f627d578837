/**
 * Work that waits for the other connections to have had their turn. The daemon's own event loop has to know whether there
 * is any before it goes to sleep.
 */

let waiting = 0;

/** Calls back once, after whatever else is ready now. */
export function nextTurn(work: () => void): void {
  waiting++;
  setImmediate(() => {
    waiting--;
    work();
  });
}

/** Whether anything waits for its turn. */
export function turnsWait(): boolean {
  return waiting > 0;
}
