/** The fleet's page. Its files lie in `src/web`, are read once at the start, and may load nothing but themselves. */
import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';

const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/fleet.css', file: 'fleet.css', type: 'text/css; charset=utf-8' },
  { path: '/fleet.js', file: 'fleet.js', type: 'text/javascript; charset=utf-8' },
] as const;

/** Everything is forbidden that the page does not need. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'origin-agent-cluster': '?1',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  // The filter that this turns off made holes of its own.
  'x-xss-protection': '0',
  'cache-control': 'no-cache',
} as const;

/** Adds the routes. */
export async function addPageRoutes(app: FastifyInstance): Promise<void> {
  for (const { path, file, type } of FILES) {
    const bytes = await readFile(new URL(`../../../web/${file}`, import.meta.url));
    app.get(path, { schema: { hide: true } }, (_request, reply) => reply.headers(HEADERS).type(type).send(bytes));
  }
}
