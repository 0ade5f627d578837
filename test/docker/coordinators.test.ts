/**
 * Three coordinators behind one name in containers. Goal: what the decision record on several coordinators promises:
 * from the same inputs comes the same document, and a client that moves between them never goes back, while one of
 * them after the other is killed, paused or cut off and the nodes change meanwhile. Method: one compose project, one
 * story; our client under load knows the coordinators by their common name alone.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { activeNodes, type TopologyDocument } from '../../src/topology/document.ts';
import { describeWith } from '../support/requirements.ts';
import { ContainerLoad } from './container-load.ts';
import { buildImage, docker, eventually, IMAGE, Project } from './support.ts';

/** The record's promise after the last fault, with room for a machine that has other work. */
const AGREED_WITHIN_MS = 60_000;

describeWith(['docker'], 'three coordinators behind one name', () => {
  const seen = new Map<number, number>();
  let project: Project;
  let load: ContainerLoad | undefined;

  const node = (number: number): string => `${project.name}-cache-${number}`;
  const coordinator = (number: number): string => `${project.name}-coordinator-${number}`;
  const network = (): string => `${project.name}_fleet`;

  /** What a coordinator says, asked at its own address; its versions only rise. */
  async function documentOf(number: number): Promise<TopologyDocument> {
    const format = `{{(index .NetworkSettings.Networks "${network()}").IPAddress}}`;
    const ip = await docker('inspect', '-f', format, coordinator(number));
    const response = await fetch(`http://${ip}:8080/v1/topology`, { signal: AbortSignal.timeout(2_000) });
    const document = (await response.json()) as TopologyDocument;
    if (response.ok) expect(document.version).toBeGreaterThanOrEqual(seen.get(number) ?? 0);
    if (response.ok) seen.set(number, document.version);
    return document;
  }

  /** Waits until these coordinators have one version and one list, with these nodes in the ring. */
  async function agree(coordinators: readonly number[], ring: readonly number[]): Promise<TopologyDocument> {
    const beganMs = Date.now();
    const document = await eventually(
      `coordinators ${coordinators.join()} on ${ring.join()}`,
      async () => {
        const documents = await Promise.all(coordinators.map(documentOf));
        const views = new Set(documents.map(({ version, nodes }) => JSON.stringify([version, nodes])));
        const [first] = documents;
        const names =
          first === undefined
            ? ''
            : activeNodes(first)
                .map(({ name }) => name)
                .join();
        if (views.size > 1 || names !== ring.map(node).join()) throw new Error([...views].join('\n'));
        return first;
      },
      AGREED_WITHIN_MS,
    );
    console.log(`${coordinators.join()} on ${ring.join()}: ${Date.now() - beganMs} ms, version ${document.version}`);
    return document;
  }

  beforeAll(async () => {
    await buildImage();
    project = await Project.create('coordinators', { COMPOSE_FILE: 'compose.yaml:test/docker/coordinators.yaml' });
    const scale = ['--scale', 'cache=4', '--scale', 'coordinator=3'];
    await project.compose('up', '-d', '--no-build', '--wait', ...scale, 'docker-proxy', 'coordinator', 'cache');
    await agree([1, 2, 3], [1, 2, 3, 4]);
    const label = `com.docker.compose.project=${project.name}`;
    const run = ['run', '--rm', '-i', '--network', network(), '--label', label, '--entrypoint', '', IMAGE];
    load = await ContainerLoad.start(run, 'http://coordinator:8080');
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.log(await project.logs());
  });

  afterAll(async () => {
    load?.kill();
    await project?.down();
  });

  test('one is killed, and comes back without having seen what the others did', async () => {
    await docker('kill', coordinator(1));
    await docker('kill', node(2));
    await agree([2, 3], [1, 3, 4]);
    await docker('start', coordinator(1));
    await agree([1, 2, 3], [1, 3, 4]);
  });

  test('one is paused, and wakes up with what was true before', async () => {
    await docker('pause', coordinator(2));
    await docker('start', node(2));
    await agree([1, 3], [1, 2, 3, 4]);
    await docker('kill', node(3));
    await agree([1, 3], [1, 2, 4]);
    await docker('unpause', coordinator(2));
    await agree([1, 2, 3], [1, 2, 4]);
  });

  test('one is cut off from the nodes, and keeps what it knew', async () => {
    const before = await documentOf(3);
    await docker('network', 'disconnect', network(), coordinator(3));
    await docker('start', node(3));
    await agree([1, 2], [1, 2, 3, 4]);
    await docker('network', 'connect', '--alias', 'coordinator', network(), coordinator(3));
    const after = await agree([1, 2, 3], [1, 2, 3, 4]);
    expect(after.version).toBeGreaterThan(before.version);
  });

  test('one after the other is restarted: nobody goes back, and nobody who only read notices', async () => {
    const before = await agree([1, 2, 3], [1, 2, 3, 4]);
    for (const number of [1, 2, 3]) {
      await docker('restart', coordinator(number));
      await agree([1, 2, 3], [1, 2, 3, 4]);
    }
    const after = await agree([1, 2, 3], [1, 2, 3, 4]);
    expect(after.nodes).toEqual(before.nodes);
  });

  test('the client has followed them all the way, forwards, without a failed request', async () => {
    const { version } = await agree([1, 2, 3], [1, 2, 3, 4]);
    const running = load;
    if (running === undefined) throw new Error('there is no load');
    await eventually('it has the last one', () => running.versions.at(-1) === version || undefined);
    expect(running.versions).toEqual([...running.versions].sort((a, b) => a - b));
    expect(await running.end('three coordinators')).toMatchObject({ failed: 0, reasons: [] });
    load = undefined;
  });
});
