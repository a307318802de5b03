// Whether the disks below `/` and `/var` are encrypted, as the kernel says: dm-crypt, itself or below LVM and RAID. Reads
// /proc and /sys only; no key, no header, no device.
import { posix } from 'node:path';
import type { HostFacts } from '../../domain/lineage-wire.ts';
import type { HostFiles } from './host-files.ts';

export type DiskFacts = {
  readonly encryption: HostFacts['diskEncryption'];
  /** The device with the LUKS header below `/`, such as `/dev/sda3`; null when there is none, or it is unknown. */
  readonly luksDevice: string | null;
};

/** A block device of /sys, by the directory that describes it. */
type BlockDevice = string;

/** More layers than anybody stacks. */
const deepest = 6;

/** Encrypted is a host whose `/` and `/var` both are; one that is not decides. */
export async function observeDisks(files: HostFiles): Promise<DiskFacts> {
  const mounts = (await files.text('/proc/self/mountinfo'))?.text ?? '';
  const root = await deviceBelow(files, mounts, '/');
  const state = await deviceBelow(files, mounts, '/var');
  const answers = [await isEncryptedBelow(files, root), await isEncryptedBelow(files, state)];
  if (answers.includes(false)) return { encryption: 'none', luksDevice: null };
  if (answers.includes(null)) return { encryption: 'unknown', luksDevice: null };
  return { encryption: 'luks', luksDevice: root === null ? null : await luksBelow(files, root, deepest) };
}

/** The device of the file system that holds a path; null for one that no block device of this kernel carries. */
async function deviceBelow(files: HostFiles, mountinfo: string, path: string): Promise<BlockDevice | null> {
  const holding = mountinfo.split('\n').flatMap((line) => {
    const [fields = '', source = ''] = line.split(' - ');
    const [, , number = '', , point = ''] = fields.split(' ');
    const holds = point === path || point === '/';
    return holds ? [{ number, point, source: source.split(' ')[1] ?? '' }] : [];
  });
  // The last one over a path hides those before it.
  const mount = holding.findLast(({ point }) => point === path) ?? holding.findLast(({ point }) => point === '/');
  if (mount === undefined) return null;
  const byNumber = `/sys/dev/block/${mount.number}`;
  if ((await files.stat(byNumber)) !== null) return byNumber;
  return mount.source.startsWith('/dev/') ? byName(files, posix.basename(mount.source)) : null;
}

/** Some file systems, such as btrfs, have a number of their own and name their device instead. */
async function byName(files: HostFiles, name: string): Promise<BlockDevice | null> {
  const direct = `/sys/class/block/${name}`;
  if ((await files.stat(direct)) !== null) return direct;
  for (const one of (await files.list('/sys/class/block')).filter((device) => device.startsWith('dm-'))) {
    const mapped = await files.text(`/sys/class/block/${one}/dm/name`);
    if (mapped?.text.trim() === name) return `/sys/class/block/${one}`;
  }
  return null;
}

const isCrypt = async (files: HostFiles, device: BlockDevice): Promise<boolean> =>
  (await files.text(`${device}/dm/uuid`))?.text.startsWith('CRYPT-') === true;

const below = async (files: HostFiles, device: BlockDevice): Promise<readonly BlockDevice[]> =>
  (await files.list(`${device}/slaves`)).map((name) => `${device}/slaves/${name}`);

const isEncryptedBelow = async (files: HostFiles, device: BlockDevice | null): Promise<boolean | null> =>
  device === null ? null : isEncrypted(files, device, deepest);

/** Everything that it is made of has to be. */
async function isEncrypted(files: HostFiles, device: BlockDevice, depth: number): Promise<boolean> {
  if (await isCrypt(files, device)) return true;
  const parts = depth === 0 ? [] : await below(files, device);
  if (parts.length === 0) return false;
  const answers = await Promise.all(parts.map((part) => isEncrypted(files, part, depth - 1)));
  return answers.every(Boolean);
}

async function luksBelow(files: HostFiles, device: BlockDevice, depth: number): Promise<string | null> {
  const [first] = await below(files, device);
  if (first === undefined || depth === 0) return null;
  return (await isCrypt(files, device)) ? `/dev/${posix.basename(first)}` : luksBelow(files, first, depth - 1);
}
