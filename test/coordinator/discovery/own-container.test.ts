/** Whether this process runs in a container, and in which. */
import { expect, test } from 'vitest';
import { ownContainerId } from '../../../src/coordinator/discovery/own-container.ts';

const ID = '4f6a'.repeat(16);
const MOUNT = `600 590 8:1 /var/lib/docker/containers/${ID}/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw`;

test('the files that Docker mounts betray the id, whatever the host name', () => {
  expect(ownContainerId({ hostname: 'coordinator', mountinfo: `1 2 3\n${MOUNT}\n` })).toBe(ID);
});

test('a host name that Docker gave is the beginning of the id', () => {
  expect(ownContainerId({ hostname: '4f6a4f6a4f6a', mountinfo: '' })).toBe('4f6a4f6a4f6a');
});

test.each(['coordinator', 'my-laptop', '4f6a4f6a4f6', '4f6a4f6a4f6a4', 'ABCDEF012345', ''])(
  'a machine named %j is no container',
  (hostname) => {
    expect(ownContainerId({ hostname, mountinfo: '25 1 8:1 / / rw - ext4 /dev/sda1 rw' })).toBeUndefined();
  },
);
