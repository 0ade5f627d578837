/**
 * From unknown JSON to a topology document, or one sentence about what is wrong with it. Members that the contract
 * does not name are left out, so that a newer coordinator may add some.
 */
import { FleetError } from '../base/errors.ts';
import { activeNodes, type Hashing, type NodeState, type TopologyDocument, type TopologyNode } from './document.ts';
import { NAME_LENGTH_MAX, NODES_MAX, POINTS_PER_NODE_MAX, RING_POINTS_MAX, VERSION_MAX, WEIGHT_MAX } from './limits.ts';
import { ringPoints } from './ring.ts';

const STATES: readonly NodeState[] = ['joining', 'active', 'draining', 'down'];
const ALGORITHMS: readonly Hashing['algorithm'][] = ['ketama', 'rendezvous-murmur3', 'modulo-crc32-shift'];

/** No space, no control character and no `|`: these would break the line that `config get cluster` answers with. */
const NAME = /^[^\s|\p{Cc}]+$/u;

/**
 * The document that `input` is.
 *
 * @throws FleetError BAD_TOPOLOGY with the first member that is not as the contract says
 */
export function parseTopology(input: unknown): TopologyDocument {
  const document = record(input, 'the document');
  const nodes = document['nodes'];
  if (!Array.isArray(nodes)) throw bad('nodes', nodes, 'a list');
  if (nodes.length > NODES_MAX) throw bad('nodes', nodes.length, `at most ${NODES_MAX} entries`);
  const parsed = nodes.map((node, index) => parseNode(node, `nodes[${index}]`));
  refuseDuplicates(parsed);
  const hashing = parseHashing(document['hashing']);
  const points = ringPoints(activeNodes({ nodes: parsed }), hashing);
  if (points > RING_POINTS_MAX) throw bad('the ring', points, `at most ${RING_POINTS_MAX} points`);
  return {
    fleet: name(document['fleet'], 'fleet'),
    version: integer(document['version'], 'version', 1, VERSION_MAX),
    publishedAt: instant(document['publishedAt'], 'publishedAt'),
    hashing,
    nodes: parsed,
    ...(document['ipDiscovery'] === 'ipv6' && { ipDiscovery: 'ipv6' }),
    ...(document['signature'] !== undefined && { signature: signature(document['signature']) }),
  };
}

function parseHashing(input: unknown): Hashing {
  const hashing = record(input, 'hashing');
  const keyHash = hashing['keyHash'];
  if (typeof keyHash !== 'string') throw bad('hashing.keyHash', keyHash, 'a string');
  const algorithm = oneOf(hashing['algorithm'], 'hashing.algorithm', ALGORITHMS);
  // Computing another ring than everybody else would lose keys without a word.
  if (algorithm === 'ketama' && keyHash !== 'md5') throw bad('hashing.keyHash', keyHash, 'md5 for ketama');
  const pointsPerNode = integer(hashing['pointsPerNode'], 'hashing.pointsPerNode', 0, POINTS_PER_NODE_MAX);
  if (algorithm === 'ketama' && pointsPerNode < 4) throw bad('hashing.pointsPerNode', pointsPerNode, '4 or more');
  return { algorithm, keyHash, pointsPerNode };
}

function parseNode(input: unknown, at: string): TopologyNode {
  const node = record(input, at);
  return {
    name: name(node['name'], `${at}.name`),
    host: name(node['host'], `${at}.host`),
    ip: node['ip'] === '' ? '' : name(node['ip'], `${at}.ip`),
    port: integer(node['port'], `${at}.port`, 1, 65_535),
    weight: weight(node['weight'], `${at}.weight`),
    state: oneOf(node['state'], `${at}.state`, STATES),
    sidecar: node['sidecar'] === '' ? '' : url(node['sidecar'], `${at}.sidecar`),
  };
}

function refuseDuplicates(nodes: readonly TopologyNode[]): void {
  const seen = new Set<string>();
  for (const node of nodes) {
    if (seen.has(node.name)) throw bad('nodes', node.name, 'each name once');
    seen.add(node.name);
  }
}

function bad(at: string, value: unknown, wanted: string): FleetError {
  const shown = JSON.stringify(value) ?? String(value);
  const short = shown.length > 80 ? `${shown.slice(0, 77)}...` : shown;
  return new FleetError('BAD_TOPOLOGY', `topology: ${at} is ${short}, expected ${wanted}`);
}

function record(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(at, value, 'an object');
  return value as Record<string, unknown>;
}

function name(value: unknown, at: string): string {
  if (typeof value !== 'string' || value.length > NAME_LENGTH_MAX || !NAME.test(value)) {
    throw bad(at, value, `1 to ${NAME_LENGTH_MAX} characters without space, control character or |`);
  }
  return value;
}

function integer(value: unknown, at: string, least: number, most: number): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
    throw bad(at, value, `an integer from ${least} to ${most}`);
  }
  return value as number;
}

function weight(value: unknown, at: string): number {
  if (typeof value !== 'number' || !(value > 0 && value <= WEIGHT_MAX)) {
    throw bad(at, value, `a number above 0 and up to ${WEIGHT_MAX}`);
  }
  return value;
}

function oneOf<T extends string>(value: unknown, at: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw bad(at, value, `one of ${allowed.join(', ')}`);
  return found;
}

function instant(value: unknown, at: string): string {
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) throw bad(at, value, 'an ISO 8601 instant');
  return value;
}

/** Written on a line of the memcached protocol, so one word; its length is of HMAC-SHA256. */
function signature(value: unknown): string {
  if (typeof value !== 'string' || !/^[\w-]{43}$/.test(value))
    throw bad('signature', value, '43 characters of base64url');
  return value;
}

function url(value: unknown, at: string): string {
  if (typeof value !== 'string' || !URL.canParse(value)) throw bad(at, value, 'a URL');
  return value;
}
