/** What is believed of the containers, from lists and events that need not agree. */
import { describe, expect, test } from 'vitest';
import {
  EMPTY_VIEW,
  isUnsettled,
  observedNodes,
  withEvent,
  withList,
} from '../../../src/coordinator/discovery/docker-view.ts';
import type { Container, DockerView } from '../../../src/coordinator/discovery/docker-view.ts';
import { DOCKER_ABSENT_LOOKS, LEAVING_MAX_MS, SETTLE_MS } from '../../../src/coordinator/limits.ts';
import { containerOf } from './docker-support.ts';

const ALL = { project: undefined, networks: [], sidecarPort: 9150 };

function hints(view: DockerView): Record<string, string> {
  return Object.fromEntries(observedNodes(view, ALL).nodes.map((node) => [node.name, node.hint]));
}

function listed(view: DockerView, containers: Container[], askedAt = view.sequence, nowMs = 0): DockerView {
  return withList(view, containers, askedAt, nowMs);
}

function event(view: DockerView, id: string, action: string, signal?: string, nowMs = 0): DockerView {
  return withEvent(view, { id, action, signal }, nowMs);
}

describe('a list', () => {
  test('gives the nodes with name, address, ports and weight by their labels', () => {
    const labels = { 'memfleet.port': '11300', 'memfleet.sidecar-port': '9200', 'memfleet.weight': '3' };
    const view = listed(EMPTY_VIEW, [containerOf('a'), containerOf('b', { labels, networks: { net: '10.0.0.2' } })]);
    const [a, b] = observedNodes(view, ALL).nodes;
    expect(a).toEqual({
      name: 'p-cache-a',
      host: 'p-cache-a',
      ip: '10.0.0.1',
      port: 11211,
      weight: 1,
      sidecar: 'http://10.0.0.1:9150',
      hint: 'running',
      instance: 'a',
    });
    expect(b).toMatchObject({ ip: '10.0.0.2', port: 11300, sidecar: 'http://10.0.0.2:9200', weight: 3 });
  });

  test('leaves the sidecars’ port to whoever configured it where no label says it', () => {
    const labels = { 'memfleet.sidecar-port': '9200' };
    const view = listed(EMPTY_VIEW, [containerOf('a'), containerOf('b', { labels, networks: { net: '10.0.0.2' } })]);
    expect(observedNodes(view, { ...ALL, sidecarPort: 9999 }).nodes.map(({ sidecar }) => sidecar)).toEqual([
      'http://10.0.0.1:9999',
      'http://10.0.0.2:9200',
    ]);
  });

  test('knows where the host forwards a node’s ports', () => {
    const ports = [
      { privatePort: 11211, publicPort: 32_768, ip: '::' },
      { privatePort: 11211, publicPort: 32_769, ip: '0.0.0.0' },
      { privatePort: 9150, publicPort: 32_770, ip: '127.0.0.1' },
    ];
    const places = [ports, ports.slice(1, 2), [{ ...ports[1], ip: '192.0.2.1' }], ports.slice(2), []].map(
      (given) => observedNodes(listed(EMPTY_VIEW, [containerOf('a', { ports: given })]), ALL).nodes[0]?.published,
    );
    expect(places).toEqual([
      { ip: '', port: 32_769, sidecarPort: 32_770 },
      { ip: '', port: 32_769 },
      { ip: '192.0.2.1', port: 32_769 },
      undefined,
      undefined,
    ]);
  });

  test.each(['', '0', '-1', '65536', 'many', '1e3'])('a port label of %j counts as not there', (port) => {
    const view = listed(EMPTY_VIEW, [containerOf('a', { labels: { 'memfleet.port': port } })]);
    expect(observedNodes(view, ALL).nodes[0]?.port).toBe(11211);
  });

  test('leaves out other roles, other projects and one-off containers', () => {
    const view = listed(EMPTY_VIEW, [
      containerOf('a'),
      containerOf('b', { labels: { 'memfleet.role': 'coordinator' } }),
      containerOf('c', { labels: { 'com.docker.compose.project': 'other' } }),
      containerOf('d', { labels: { 'com.docker.compose.oneoff': 'True' } }),
    ]);
    expect(observedNodes(view, { ...ALL, project: 'p' }).nodes.map((node) => node.name)).toEqual(['p-cache-a']);
  });

  test.each([
    ['running', 'Up 3 seconds', 'running'],
    ['running', 'Up 3 seconds (health: starting)', 'running'],
    ['running', 'Up 3 seconds (healthy)', 'running'],
    ['running', 'Up 3 seconds (unhealthy)', 'unhealthy'],
    ['paused', 'Up 3 seconds (Paused)', 'paused'],
    ['exited', 'Exited (137) 1 second ago', 'stopped'],
    ['created', 'Created', 'stopped'],
    ['restarting', 'Restarting (1) 1 second ago', 'stopped'],
    ['dead', 'Dead', 'stopped'],
  ])('a container that is %s (%s) is %s', (state, status, hint) => {
    expect(hints(listed(EMPTY_VIEW, [containerOf('a', { state, status })]))).toEqual({ 'p-cache-a': hint });
  });

  test('a container that is being removed is not there', () => {
    expect(hints(listed(EMPTY_VIEW, [containerOf('a', { state: 'removing' })]))).toEqual({});
  });

  test('a running container without an address has stopped for all who would reach it', () => {
    const view = listed(EMPTY_VIEW, [containerOf('a', { networks: {} }), containerOf('b', { networks: { net: '' } })]);
    expect(hints(view)).toEqual({ 'p-cache-a': 'stopped', 'p-cache-b': 'stopped' });
  });

  test('a node is reached in a network that the coordinator is in, else in the first by name', () => {
    const networks = { back: '10.1.0.1', cache: '10.2.0.1', metrics: '10.3.0.1' };
    const view = listed(EMPTY_VIEW, [containerOf('a', { networks })]);
    expect(observedNodes(view, { ...ALL, networks: ['metrics'] }).nodes[0]?.ip).toBe('10.3.0.1');
    expect(observedNodes(view, { ...ALL, networks: ['nowhere'] }).nodes[0]?.ip).toBe('10.1.0.1');
  });
});

describe('an event', () => {
  const view = listed(EMPTY_VIEW, [containerOf('a'), containerOf('b')]);

  test.each([
    ['kill', '15', 'leaving'],
    ['kill', '2', 'leaving'],
    ['kill', '9', 'stopped'],
    ['kill', '1', 'running'],
    ['kill', undefined, 'running'],
    ['die', undefined, 'stopped'],
    ['stop', undefined, 'stopped'],
    ['pause', undefined, 'paused'],
    ['unpause', undefined, 'running'],
    ['start', undefined, 'running'],
    ['rename', undefined, 'running'],
    ['health_status: unhealthy', undefined, 'unhealthy'],
    ['health_status: healthy', undefined, 'running'],
    ['oom', undefined, 'unhealthy'],
  ])('%s (signal %s) counts at once: %s', (action, signal, hint) => {
    expect(hints(event(view, 'a', action, signal))).toEqual({ 'p-cache-a': hint, 'p-cache-b': 'running' });
  });

  test('destroy takes the container out at once', () => {
    expect(hints(event(view, 'a', 'destroy'))).toEqual({ 'p-cache-b': 'running' });
  });

  test('of an unknown container changes nothing until it is listed', () => {
    const heard = event(view, 'c', 'start');
    expect(hints(heard)).toEqual(hints(view));
    expect(hints(listed(heard, [containerOf('a'), containerOf('b'), containerOf('c')]))).toMatchObject({
      'p-cache-c': 'running',
    });
  });

  test('neither a health check nor a late word of memory brings back what was told to stop, or has', () => {
    const leaving = event(view, 'a', 'kill', '15');
    for (const action of ['health_status: healthy', 'health_status: unhealthy', 'oom']) {
      expect(hints(event(leaving, 'a', action))).toMatchObject({ 'p-cache-a': 'leaving' });
      expect(hints(event(event(view, 'a', 'die'), 'a', action))).toMatchObject({ 'p-cache-a': 'stopped' });
      expect(hints(event(event(view, 'a', 'destroy'), 'a', action))).toEqual({ 'p-cache-b': 'running' });
    }
    expect(hints(event(leaving, 'a', 'start'))).toMatchObject({ 'p-cache-a': 'running' });
  });
});

describe('a list and an event that differ', () => {
  const both = [containerOf('a'), containerOf('b')];
  const view = listed(EMPTY_VIEW, both);

  test('a list that was asked for before the event does not undo it', () => {
    const died = event(view, 'a', 'die');
    expect(hints(listed(died, both, view.sequence, SETTLE_MS * 2))).toMatchObject({ 'p-cache-a': 'stopped' });
  });

  test('nor does one asked for after it, while Docker may lag behind its own event', () => {
    const died = event(view, 'a', 'die');
    expect(hints(listed(died, both, died.sequence, SETTLE_MS - 1))).toMatchObject({ 'p-cache-a': 'stopped' });
    expect(isUnsettled(listed(died, both))).toBe(true);
  });

  test('the list is right after a while', () => {
    const died = event(view, 'a', 'die');
    const after = listed(died, both, died.sequence, SETTLE_MS);
    expect(hints(after)).toMatchObject({ 'p-cache-a': 'running' });
    expect(isUnsettled(after)).toBe(false);
  });

  test('nothing is unsettled once a list agrees', () => {
    const paused = event(view, 'a', 'pause');
    expect(isUnsettled(listed(paused, [containerOf('a', { state: 'paused' }), containerOf('b')]))).toBe(false);
    const destroyed = event(view, 'a', 'destroy');
    expect(isUnsettled(listed(destroyed, [containerOf('b')]))).toBe(false);
  });

  test('a container that has just started is not agreed on before it has an address', () => {
    const started = event(view, 'a', 'start');
    const early = listed(started, [containerOf('a', { networks: { net: '' } })]);
    expect(isUnsettled(early)).toBe(true);
    expect(isUnsettled(listed(early, both))).toBe(false);
  });

  test('leaving stays until the container has ended', () => {
    const leaving = event(view, 'a', 'kill', '15');
    const still = listed(leaving, both, leaving.sequence, LEAVING_MAX_MS - 1);
    expect(hints(still)).toMatchObject({ 'p-cache-a': 'leaving' });
    const exited = [containerOf('a', { state: 'exited', networks: {} }), containerOf('b')];
    const ended = listed(still, exited, still.sequence, SETTLE_MS);
    expect(hints(ended)).toMatchObject({ 'p-cache-a': 'stopped' });
  });

  test('a container that ignores the signal is taken back in the end', () => {
    const leaving = event(view, 'a', 'kill', '15');
    expect(hints(listed(leaving, both, leaving.sequence, LEAVING_MAX_MS))).toMatchObject({ 'p-cache-a': 'running' });
  });
});

describe('a container that a list lacks', () => {
  const view = listed(EMPTY_VIEW, [containerOf('a'), containerOf('b')]);
  const onlyA = [containerOf('a')];

  test('is kept until several lists have lacked it, and asked for again soon', () => {
    let later = view;
    for (let lists = 1; lists < DOCKER_ABSENT_LOOKS; lists += 1) {
      later = listed(later, onlyA);
      expect(hints(later), `list ${lists}`).toEqual({ 'p-cache-a': 'running', 'p-cache-b': 'unlisted' });
      expect(isUnsettled(later)).toBe(true);
    }
    expect(hints(listed(later, onlyA))).toEqual({ 'p-cache-a': 'running' });
    expect(isUnsettled(listed(later, onlyA))).toBe(false);
    expect(hints(listed(later, [containerOf('a'), containerOf('b')]))).toEqual(hints(view));
  });

  test.each([
    ['destroy', undefined],
    ['die', undefined],
    ['kill', '9'],
    ['kill', '15'],
  ])('after %s %s is gone: an event is a fact', (action, signal) => {
    expect(hints(listed(event(view, 'b', action, signal), onlyA))).toEqual({ 'p-cache-a': 'running' });
  });

  test('and whose name or address another has is gone', () => {
    const same = containerOf('c', { name: 'p-cache-b', networks: { net: '10.0.0.3' } });
    expect(hints(listed(view, [...onlyA, same]))).toEqual({ 'p-cache-a': 'running', 'p-cache-b': 'running' });
    const there = containerOf('c', { networks: { net: '10.0.0.2' } });
    expect(hints(listed(view, [...onlyA, there]))).toEqual({ 'p-cache-a': 'running', 'p-cache-c': 'running' });
  });
});

describe('a container in several networks', () => {
  const networks = { p_back: '10.1.0.1', p_front: '10.2.0.1', zone: '10.3.0.1' };
  const scope = { ...ALL, networks: ['p_back'] };
  const nodesWith = (label: string | undefined) => {
    const labels = label === undefined ? {} : { 'memfleet.network': label };
    return observedNodes(listed(EMPTY_VIEW, [containerOf('a', { networks, labels })]), scope);
  };

  test.each([
    [undefined, '10.1.0.1'],
    ['zone', '10.3.0.1'],
    ['p_front', '10.2.0.1'],
    ['front', '10.2.0.1'],
  ])('is reached in the one that memfleet.network names: %s', (label, ip) => {
    const { nodes, leftOut } = nodesWith(label);
    expect([nodes[0]?.ip, nodes[0]?.sidecar, leftOut]).toEqual([ip, `http://${ip}:9150`, []]);
  });

  test('and not in the one that is named is not reached elsewhere, and said to be left out', () => {
    const { nodes, leftOut } = nodesWith('other');
    expect(nodes.map(({ ip, hint }) => `${ip} ${hint}`)).toEqual([' stopped']);
    expect(leftOut).toEqual([{ name: 'p-cache-a', reason: 'network', why: 'it is not in other (memfleet.network)' }]);
  });
});

/** What an engine told while `docker compose up -d --force-recreate` (2.26.1) made a container anew. */
describe('a container that compose makes anew', () => {
  const OLD = '5173bc4f613d7e25b23b4aeabe246ba27f03746c001d4beea6488868216f1fb7';
  const NEW = 'af6ff1'.padEnd(64, '0');
  const compose = {
    'com.docker.compose.project': 'p',
    'com.docker.compose.service': 'cache',
    'com.docker.compose.container-number': '2',
    'com.docker.compose.oneoff': 'False',
  };
  const before = containerOf(OLD, { name: 'p-cache-2', labels: compose, networks: { p_default: '172.19.0.3' } });
  const replacing = { ...compose, 'com.docker.compose.replace': OLD };
  const made = (name: string, state: string, ip: string): Container =>
    containerOf(NEW, { name, state, labels: replacing, networks: { p_default: ip } });

  test('is one node all the time, the old container until it ends and then the new one', () => {
    const seen: string[] = [];
    const note = (view: DockerView): DockerView => {
      const lines = observedNodes(view, ALL).nodes.map(({ name, hint, instance }) => {
        return `${name} ${hint} ${instance === OLD ? 'old' : 'new'}`;
      });
      if (lines.join() !== seen.at(-1)) seen.push(lines.join());
      return view;
    };
    const temporary = made('5173bc4f613d_p-cache-2', 'created', '');
    let view = note(listed(EMPTY_VIEW, [before]));
    view = note(event(view, NEW, 'create'));
    view = note(listed(view, [temporary, before]));
    view = note(event(view, OLD, 'kill', '15'));
    view = note(listed(view, [temporary, before]));
    for (const action of ['stop', 'die']) view = note(event(view, OLD, action));
    view = note(listed(view, [temporary, { ...before, state: 'exited', networks: { p_default: '' } }]));
    view = note(event(view, OLD, 'destroy'));
    view = note(listed(view, [temporary]));
    view = note(event(view, NEW, 'rename'));
    view = note(listed(view, [made('p-cache-2', 'created', '')]));
    view = note(event(view, NEW, 'start'));
    note(listed(view, [made('p-cache-2', 'running', '172.19.0.2')]));
    expect(seen).toEqual([
      'p-cache-2 running old',
      'p-cache-2 leaving old',
      'p-cache-2 stopped new',
      'p-cache-2 running new',
    ]);
  });
});
