/** How to copy some bytes: from which length on a call into the runtime beats a loop. */
import { OPERATIONS, type MicroTask } from './task.ts';

const BLOCK_BYTES = 1 << 26;
/** Distance between two copies, so that they do not all hit the same cache line. */
const STRIDE = 8192;

export function copyTasks(): MicroTask[] {
  const block = new Uint8Array(BLOCK_BYTES).fill(1);
  const other = new Uint8Array(BLOCK_BYTES);
  const tasks: MicroTask[] = [];
  for (const bytes of [8, 16, 32, 64, 100, 256, 4096]) {
    const each = (name: string, copy: (from: number, to: number) => void): void => {
      tasks.push({
        name: `copy ${bytes} B: ${name}`,
        operations: OPERATIONS,
        run() {
          for (let i = 0; i < OPERATIONS; i++) copy(i * STRIDE, (i + OPERATIONS) * STRIDE);
        },
      });
    };
    each('loop', (from, to) => {
      for (let i = 0; i < bytes; i++) block[to + i] = block[from + i];
    });
    each('copyWithin', (from, to) => void block.copyWithin(to, from, from + bytes));
    each('set of a subarray', (from, to) => other.set(block.subarray(from, from + bytes), to));
  }
  return tasks;
}
