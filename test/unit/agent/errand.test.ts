import { describe, expect, test } from '@jest/globals';
import { addedInVersion2, type AgentState, type PendingWork } from '../../../src/agent/agent-state.ts';
import { type EnrollWishes, errandOf, tokenDigest } from '../../../src/agent/errand.ts';

const server = { url: 'https://ca.example.org', rootSha256: 'ab'.repeat(32) };
const key = { public: 'AA', private: 'AA' };

const work = (over: Partial<PendingWork> = {}): PendingWork => ({
  token: 'secret',
  request: 'e30',
  certificates: [{ profile: 'devid', dnsNames: null, key: { kind: 'devid' } }],
  progress: { step: 'prepared' },
  ...over,
});

/** A host in the middle of an enrollment. */
const state = (over: Partial<AgentState> = {}): AgentState => ({
  ...{ version: 2, server, hostName: 'tower.example.org', tpm: 'device:/dev/tpmrm0' },
  keys: { ek: 'L-1', ak: { ...key, hierarchy: 'endorsement' }, requestKey: key, devId: key },
  ...{ enrollment: work(), spentToken: null, device: null, installed: [], ...addedInVersion2 },
  ...over,
});

const enrolled = (): AgentState =>
  state({
    enrollment: null,
    spentToken: tokenDigest('secret'),
    device: { id: 'd', hostName: 'tower.example.org', keylimeUuid: null },
  });

const wishes = (over: Partial<EnrollWishes> = {}): EnrollWishes => ({
  ...{ server: null, token: null, hostName: null, profiles: [], tpm: null, oldKeys: 'keep' },
  ...over,
});

describe('a host that was never enrolled', () => {
  test('begins, with the default grant, under the name it was given', () => {
    expect(errandOf(null, wishes({ server, token: 't', hostName: 'a.example.org' }), 'b.example.org')).toMatchObject({
      kind: 'begin',
      hostName: 'a.example.org',
      profiles: [{ profile: 'devid' }, { profile: 'keylime-agent' }],
      keys: null,
    });
  });
  test('trusts no server that nobody named', () => {
    expect(() => errandOf(null, wishes(), 'b.example.org')).toThrow('no server is named');
  });
  test('needs a full name', () => {
    expect(() => errandOf(null, wishes({ server }), null)).toThrow('does not know its own full name');
  });
});

describe('a host in the middle of an enrollment', () => {
  for (const [said, wish] of [
    ['nothing', wishes()],
    [
      'the same again',
      wishes({ server, token: 'secret', hostName: 'tower.example.org', profiles: [{ profile: 'devid' }] }),
    ],
  ] as const) {
    test(`continues when it is told ${said}`, () => {
      expect(errandOf(state(), wish, null)).toMatchObject({ kind: 'continue' });
    });
  }
  for (const [said, wish] of [
    ['another token', wishes({ server, token: 'other' })],
    ['another name', wishes({ hostName: 'other.example.org' })],
    ['other profiles', wishes({ profiles: [{ profile: 'devid' }, { profile: 'keylime-agent' }] })],
    ['another server', wishes({ server: { ...server, url: 'https://other.example.org' } })],
  ] as const) {
    test(`begins anew with its old keys when it is told ${said}`, () => {
      expect(errandOf(state(), wish, null)).toMatchObject({ kind: 'begin', keys: { ek: 'L-1' } });
    });
  }
  test('forgets its keys when told so', () => {
    expect(errandOf(state(), wishes({ oldKeys: 'discard' }), null)).toMatchObject({ kind: 'begin', keys: null });
  });
});

describe('a host that is enrolled', () => {
  test('has nothing to do when the command that enrolled it comes again', () => {
    expect(errandOf(enrolled(), wishes({ server, token: 'secret' }), null)).toMatchObject({ kind: 'done' });
    expect(errandOf(enrolled(), wishes(), null)).toMatchObject({ kind: 'done' });
  });
  test('begins anew with a new token', () => {
    expect(errandOf(enrolled(), wishes({ server, token: 'new' }), null)).toMatchObject({ kind: 'begin' });
  });
});

describe('a host that lost its keys and has no token', () => {
  test('begins anew by its state when the keys of that state are no good any more', () => {
    expect(errandOf(enrolled(), wishes({ oldKeys: 'discard' }), null)).toMatchObject({
      ...{ kind: 'begin', server, hostName: 'tower.example.org', token: null, keys: null },
    });
  });
  test('begins anew by the server and root that it is told when its state is gone', () => {
    expect(errandOf(null, wishes({ server, oldKeys: 'discard' }), 'tower.example.org')).toMatchObject({
      ...{ kind: 'begin', server, hostName: 'tower.example.org', token: null, keys: null },
    });
  });
});
