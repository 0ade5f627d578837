/** The sidecars as scrape targets, in the form of Prometheus http_sd. Pure. */
import type { TopologyNode } from '../../topology/document.ts';

/** One group of targets, of one sidecar. */
export interface ScrapeTarget {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The targets of the nodes that have a sidecar. Its URL counts whole: the port is always said, because Prometheus adds
 * none to a target; scheme and path are said where they are not what Prometheus takes by itself (`http`, `/metrics`), so
 * that a job's own settings hold for all others.
 */
export function scrapeTargets(
  nodes: readonly TopologyNode[],
  labels: Readonly<Record<string, string>>,
): ScrapeTarget[] {
  return nodes.flatMap((node) => {
    if (!URL.canParse(node.sidecar)) return [];
    const url = new URL(node.sidecar);
    const port = url.port === '' ? DEFAULT_PORTS[url.protocol] : url.port;
    if (port === undefined) return [];
    const path = `${url.pathname.replace(/\/+$/, '')}/metrics`;
    const own = { instance: node.name, node: node.name, __meta_memfleet_state: node.state };
    return [
      {
        targets: [`${url.hostname}:${port}`],
        labels: {
          ...labels,
          ...own,
          ...(url.protocol !== 'http:' && { __scheme__: url.protocol.slice(0, -1) }),
          ...(path !== '/metrics' && { __metrics_path__: path }),
        },
      },
    ];
  });
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };
