/** What Prometheus is told of each sidecar, by its URL as a list of nodes gives it. */
import { expect, test } from 'vitest';
import { scrapeTargets } from '../../../src/coordinator/http/scrape-targets.ts';
import { nodeOf } from '../../topology/nodes.ts';

const TABLE: [sidecar: string, target: string, labels: Record<string, string>][] = [
  ['http://10.0.0.1:9150', '10.0.0.1:9150', {}],
  ['http://10.0.0.1:9150/', '10.0.0.1:9150', {}],
  ['http://[::1]:29151', '[::1]:29151', {}],
  ['https://127.0.1.2:29150', '127.0.1.2:29150', { __scheme__: 'https' }],
  ['https://metrics.example', 'metrics.example:443', { __scheme__: 'https' }],
  ['http://metrics.example', 'metrics.example:80', {}],
  ['http://metrics.example:80', 'metrics.example:80', {}],
  ['http://127.0.1.3:29150/proxy/x', '127.0.1.3:29150', { __metrics_path__: '/proxy/x/metrics' }],
  ['https://[2001:db8::1]/a%20b/', '[2001:db8::1]:443', { __scheme__: 'https', __metrics_path__: '/a%20b/metrics' }],
];

test.each(TABLE)('the sidecar %s is the target %s with %j', (sidecar, target, labels) => {
  const own = { instance: 'n', node: 'n', __meta_memfleet_state: 'down' };
  expect(scrapeTargets([nodeOf({ name: 'n', sidecar, state: 'down' })], { job: 'memcached' })).toEqual([
    { targets: [target], labels: { job: 'memcached', ...own, ...labels } },
  ]);
});

test.each(['', 'no URL', 'ftp://10.0.0.1'])('a node whose sidecar is %j is no target', (sidecar) => {
  expect(scrapeTargets([nodeOf({ name: 'n', sidecar })], {})).toEqual([]);
});
