/**
 * A coordinator in a container as a pod of Kubernetes has it: the image, with what the manifest gives it, and nothing to
 * find the API server by but what every pod gets: two variables, and the files of its service account. The API server
 * is played by the test, over TLS, under a certificate that only that account's CA vouches for.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { KubernetesApi, NAMESPACE, sliceOf, TOKEN } from '../support/kubernetes-api.ts';
import { describeWith } from '../support/requirements.ts';
import { buildImage, docker, eventually, IMAGE, run } from './support.ts';

const MANIFEST = join(import.meta.dirname, '../../docker/kubernetes/coordinator.yaml');
/** Where the kubelet puts them. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

interface Container {
  args: string[];
  env: { name: string; value?: string }[];
  resources: { limits: { memory: string } };
}

function containerOfManifest(): Container {
  const documents = parseAllDocuments(readFileSync(MANIFEST, 'utf8')).map((document) => document.toJS() as unknown);
  const deployment = documents.find((one) => (one as { kind: string }).kind === 'Deployment') as {
    spec: { template: { spec: { containers: [Container] } } };
  };
  return deployment.spec.template.spec.containers[0];
}

describeWith(['docker', 'openssl'], 'a coordinator in a pod', () => {
  const folder = mkdtempSync(join(tmpdir(), 'memfleet-pod-'));
  let api: KubernetesApi;
  let container: string | undefined;

  beforeAll(async () => {
    await buildImage();
    const host = await docker('network', 'inspect', 'bridge', '-f', '{{(index .IPAM.Config 0).Gateway}}');
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const kind = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=kubernetes'.split(
      ' ',
    );
    const names = ['-addext', `subjectAltName=IP:${host}`];
    const made = await run('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', cert]);
    expect(made.code, made.stderr).toBe(0);
    api = await KubernetesApi.start({ host, key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') });
    api.put(sliceOf('cache-a', [1]));

    const account = join(folder, 'account');
    mkdirSync(account);
    writeFileSync(join(account, 'ca.crt'), readFileSync(cert));
    writeFileSync(join(account, 'token'), TOKEN);
    writeFileSync(join(account, 'namespace'), NAMESPACE);
    const { args, env, resources } = containerOfManifest();
    // What comes from a secret or from the pod itself has no value in the manifest.
    const given = env.flatMap(({ name, value }) => (value === undefined ? [] : ['-e', `${name}=${value}`]));
    const found = ['-e', `KUBERNETES_SERVICE_HOST=${host}`, '-e', `KUBERNETES_SERVICE_PORT=${api.port}`];
    const hardened = ['--read-only', '--cap-drop', 'ALL', '--tmpfs', '/tmp', '--tmpfs', '/var/lib/memfleet:uid=11211'];
    const memory = ['--memory', resources.limits.memory.replace('Mi', 'm')];
    const mounted = ['-v', `${account}:${ACCOUNT}:ro`];
    container = await docker('run', '-d', ...hardened, ...memory, ...mounted, ...given, ...found, IMAGE, ...args);
  });

  afterAll(async () => {
    if (container !== undefined) await docker('rm', '-f', container);
    await api.close();
    rmSync(folder, { recursive: true });
  });

  /** What the coordinator says of its nodes. */
  async function nodes(): Promise<string> {
    const host = await docker('inspect', '-f', '{{.NetworkSettings.IPAddress}}', container ?? '');
    const response = await fetch(`http://${host}:8080/v1/nodes`);
    const { nodes: all, sources } = (await response.json()) as {
      nodes: { name: string; host: string }[];
      sources: { name: string; up: boolean }[];
    };
    const seen = sources.map(({ name, up }) => `${name} ${up ? 'up' : 'lost'}`);
    return [...all.map(({ name, host: place }) => `${name} at ${place}`), ...seen].join(', ');
  }

  test('finds its API server, signs in, and follows its service', async () => {
    const source = `kubernetes:${NAMESPACE}/cache`;
    const one = `cache-1 at cache-1.cache.${NAMESPACE}.svc`;
    await eventually('the pod', async () => ((await nodes()) === `${one}, ${source} up` ? true : undefined));
    await eventually('the watch', () => (api.watcherCount === 1 ? true : undefined));
    api.put(sliceOf('cache-a', [1, 2]));
    const two = one.replaceAll('cache-1', 'cache-2');
    await eventually('a pod more', async () => ((await nodes()) === `${one}, ${two}, ${source} up` ? true : undefined));
    expect(api.counts.lists).toBe(1);
  });

  test('has room to spare in the memory that the manifest gives it', async () => {
    const usage = await docker('stats', '--no-stream', '--format', '{{.MemPerc}}', container ?? '');
    console.log(`of the manifest's memory limit: ${usage}`);
    expect(Number.parseFloat(usage)).toBeLessThan(75);
  });
});
