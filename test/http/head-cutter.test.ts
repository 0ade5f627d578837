import { describe, expect, test } from 'vitest';
import { HeadCutter } from '../../src/http/head-cutter.ts';

/** The pieces that a text is cut into when it comes in these chunks. */
function pieces(...chunks: string[]): string[] {
  const cutter = new HeadCutter();
  const all: string[] = [];
  let open = '';
  for (const chunk of chunks.map((text) => Buffer.from(text, 'latin1'))) {
    for (let at = 0; at < chunk.length;) {
      const end = cutter.cut(chunk, at);
      open += chunk.toString('latin1', at, end);
      if (end < chunk.length || /\n\r*\n$/.test(open)) {
        all.push(open);
        open = '';
      }
      at = end;
    }
  }
  return open === '' ? all : [...all, open];
}

const GET = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n';

describe('heads are cut', () => {
  test.each([
    ['one', GET, [GET]],
    ['three', GET + GET + GET, [GET, GET, GET]],
    ['by line feeds alone', 'GET /\nhost: x\n\nGET /\n\n', ['GET /\nhost: x\n\n', 'GET /\n\n']],
    ['with a body between', `${POST}12345${GET}rest`, [POST, `12345${GET}`, 'rest']],
    ['in the body, too', `${POST}1\n\n23${GET}`, [POST, '1\n\n', `23${GET}`]],
    ['not at the empty line before the first', `\r\n${GET}`, [`\r\n${GET}`]],
    ['not without an end', 'GET / HTTP/1.1\r\nhost', ['GET / HTTP/1.1\r\nhost']],
  ])('%s, whole and cut at every place', (_what, text, expected) => {
    expect(pieces(text)).toEqual(expected);
    for (let at = 1; at < text.length; at += 1) expect(pieces(text.slice(0, at), text.slice(at))).toEqual(expected);
    expect(pieces(...text.split(''))).toEqual(expected);
  });
});
