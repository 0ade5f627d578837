/** The request parser on the lines that a cache sees most. */
import { Parse, TextRequest } from '../../src/protocol/text/request.ts';
import { parseRequest } from '../../src/protocol/text/request-parser.ts';
import { OPERATIONS, type MicroTask } from './task.ts';

const LINES: readonly (readonly [name: string, line: (i: number) => string])[] = [
  ['get', (i) => `get key:${String(i).padStart(16, '0')}`],
  [
    'get of 50 keys',
    (i) => `get ${Array.from({ length: 50 }, (_, j) => `key:${String(i + j).padStart(16, '0')}`).join(' ')}`,
  ],
  ['set', (i) => `set key:${String(i).padStart(16, '0')} 0 3600 100`],
  ['incr', (i) => `incr key:${String(i).padStart(16, '0')} 1`],
];

export function parserTasks(): MicroTask[] {
  return LINES.map(([name, line]) => {
    const lines = Array.from({ length: OPERATIONS }, (_, i) => line(i));
    const bytes = new Uint8Array(Buffer.from(lines.join(''), 'latin1'));
    const ends = new Int32Array(OPERATIONS);
    let at = 0;
    for (const [i, text] of lines.entries()) ends[i] = at += text.length;
    const request = new TextRequest();
    return {
      name: `parse ${name}`,
      operations: OPERATIONS,
      run() {
        let start = 0;
        for (let i = 0; i < OPERATIONS; i++) {
          const end = ends[i];
          if (parseRequest(bytes, start, end, request) !== Parse.OK) throw new Error('a right line was refused');
          start = end;
        }
      },
    };
  });
}
