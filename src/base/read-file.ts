/** Reads a file that may be anything: larger than it ought to be, growing, a device or a pipe. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { FleetError } from './errors.ts';

/**
 * The bytes of a file, at most so many whatever its size is said to be. A pipe that nobody writes to is empty.
 * @throws FleetError TOO_LARGE beyond `bytesMax`; the system's error if it cannot be read
 */
export async function readFileBounded(path: string, bytesMax: number): Promise<Buffer> {
  // Without O_NONBLOCK opening a pipe waits for a writer, in one of the few threads that all file operations share.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    for (let left = bytesMax + 1; left > 0;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES)), 0);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
  } finally {
    await file.close();
  }
  throw new FleetError('TOO_LARGE', `${path}: more than ${bytesMax} bytes`);
}

const CHUNK_BYTES = 64 * 1024;
