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
import { LEAVING_MAX_MS, SETTLE_MS } from '../../../src/coordinator/limits.ts';
import { containerOf } from './docker-support.ts';

const ALL = { project: undefined, networks: [], sidecarPort: 9150 };

function hints(view: DockerView): Record<string, string> {
  return Object.fromEntries(observedNodes(view, ALL).map((node) => [node.name, node.hint]));
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
    const [a, b] = observedNodes(view, ALL);
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
    expect(observedNodes(view, { ...ALL, sidecarPort: 9999 }).map(({ sidecar }) => sidecar)).toEqual([
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
      (given) => observedNodes(listed(EMPTY_VIEW, [containerOf('a', { ports: given })]), ALL)[0]?.published,
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
    expect(observedNodes(view, ALL)[0]?.port).toBe(11211);
  });

  test('leaves out other roles, other projects and one-off containers', () => {
    const view = listed(EMPTY_VIEW, [
      containerOf('a'),
      containerOf('b', { labels: { 'memfleet.role': 'coordinator' } }),
      containerOf('c', { labels: { 'com.docker.compose.project': 'other' } }),
      containerOf('d', { labels: { 'com.docker.compose.oneoff': 'True' } }),
    ]);
    expect(observedNodes(view, { ...ALL, project: 'p' }).map((node) => node.name)).toEqual(['p-cache-a']);
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
    expect(observedNodes(view, { ...ALL, networks: ['metrics'] })[0]?.ip).toBe('10.3.0.1');
    expect(observedNodes(view, { ...ALL, networks: ['nowhere'] })[0]?.ip).toBe('10.1.0.1');
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
    expect(hints(listed(heard, [containerOf('c')]))).toEqual({ 'p-cache-c': 'running' });
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
    expect(isUnsettled(listed(paused, [containerOf('a', { state: 'paused' })]))).toBe(false);
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
    const ended = listed(still, [containerOf('a', { state: 'exited', networks: {} })], still.sequence, SETTLE_MS);
    expect(hints(ended)).toEqual({ 'p-cache-a': 'stopped' });
  });

  test('a container that ignores the signal is taken back in the end', () => {
    const leaving = event(view, 'a', 'kill', '15');
    expect(hints(listed(leaving, both, leaving.sequence, LEAVING_MAX_MS))).toMatchObject({ 'p-cache-a': 'running' });
  });
});
