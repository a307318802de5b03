// Pages of certificates, hosts and CAs: whatever a host or a certificate says comes out as text, nothing is too long for
// them, and with nothing to show they say so.
import { describe, expect, test } from '@jest/globals';
import type { CertificateSearch, FoundCertificate } from '../../../src/domain/certificate-search.ts';
import type { CertificatePageView } from '../../../src/domain/certificate-view.ts';
import type { HostLine, HostView, WaitingView } from '../../../src/domain/host-view.ts';
import type { IssuerLine } from '../../../src/domain/issuer-view.ts';
import type { LineageResource } from '../../../src/domain/lineage-wire.ts';
import { certificatePage } from '../../../src/web/certificate-page.ts';
import { certificatesPage, type CertificatesView } from '../../../src/web/certificates-page.ts';
import { row } from '../../../src/web/content-parts.ts';
import { decisionPage, revocationPage } from '../../../src/web/decision-pages.ts';
import { endpointsPage } from '../../../src/web/endpoints-page.ts';
import { hostPage } from '../../../src/web/host-page.ts';
import { hostsPage } from '../../../src/web/hosts-page.ts';
import { type Html, textOf } from '../../../src/web/html.ts';
import { issuersPage } from '../../../src/web/issuers-page.ts';
import type { Frame } from '../../../src/web/layout.ts';
import { spirePage } from '../../../src/web/spire-page.ts';
import { waitingPage } from '../../../src/web/waiting-page.ts';
import { evidence } from '../../http/support/evidence.ts';
import { certificate } from '../../http/support/world.ts';

const now = new Date('2026-11-26T12:00:00Z');
const at = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const hostile = `<script>alert(1)</script>"'\`&<img src=x onerror=alert(1)>\u202e\u0000`;
const long = 'x'.repeat(255);
const id = '33333333-3333-4333-8333-333333333333';
const hex = 'ab'.repeat(32);

const frame = (role: Frame['operator']['role'] = 'admin'): Frame => ({
  operator: { name: hostile, role },
  csrf: 'secret-of-the-form',
  now,
});

const found = (text: string): FoundCertificate => ({
  fingerprint: hex,
  profile: text,
  serialNumber: '0badc0de',
  commonName: text,
  notBefore: at(-10),
  notAfter: at(3),
  device: { id, hostName: text },
  lineage: { id, place: text },
  revoked: null,
  isServing: true,
  supersededAt: null,
  levels: { warningAt: at(-1), criticalAt: at(2) },
});

const listed = (text: string, over: Partial<CertificateSearch> = {}, items = [found(text)]): CertificatesView => ({
  search: { text, view: 'serving', profile: text, limit: 50, ...over },
  within: '',
  fault: text,
  page: { items, next: 'cursor', isCut: true },
  profiles: [text],
  now,
});

const lineage = (text: string): LineageResource => ({
  ...{ id, device: id, hostName: text, profile: text, place: text, state: 'failed', since: null, reason: text },
  newest: {
    ...{ certificate: hex, serial: '01', notBefore: '2026-11-01T00:00:00Z', notAfter: '2026-12-01T00:00:00Z' },
    ...{ issuedAt: '2026-11-01T00:00:00Z', installedAt: null, confirmedAt: null, confirmedBy: null, status: 'good' },
  },
  inUse: null,
  renewAt: '2026-11-20T00:00:00Z',
  window: null,
  pulled: null,
  lastError: { at: '2026-11-20T00:00:00Z', phase: 'hook', reason: text, detail: text, failures: 3 },
});

const shown = (text: string): CertificatePageView => ({
  certificate: { ...certificate, subject: text, profile: text, dnsNames: [text], device: id, pem: text },
  use: { isServing: true, levels: null, supersededAt: null, hostName: text, place: text },
  level: 'warning',
  text: [{ title: text, isCritical: true, lines: [{ name: text, value: text }] }],
  chain: [{ id: hex, subject: text, role: 'root', notBefore: at(-100), notAfter: at(100) }],
  lineage: lineage(text),
  history: {
    steps: [
      {
        ...{ fingerprint: hex, serialNumber: '01', notBefore: at(-10), notAfter: at(10), issuedAt: at(-10) },
        ...{ installedAt: null, confirmed: null, supersededAt: at(-1), isServing: false },
        revoked: { at: at(-1), reasonCode: 'superseded' },
      },
    ],
    refused: [{ id, at: at(-1), refusals: [{ reason: text, detail: text }] }],
  },
  evidence: { ...evidence, principal: text, subject: text, again: { state: 'fails', reason: text, detail: text } },
});

const line = (text: string): HostLine => ({
  ...{ id, hostName: text, state: 'active', lastSeenAt: at(-1), notSeen: 'warning', firmware: '1' },
  tpm: { manufacturer: text, model: text, version: text },
  certificates: { total: 3, warning: 1, critical: 1 },
  warnings: { warning: 1, critical: 2 },
});

const waiting = (text: string): WaitingView => ({
  enrollment: {
    ...{ id, state: 'pending', version: 3, hostName: text, ekFingerprint: hex, profiles: [text] },
    ...{ tpm: { manufacturer: text, model: text, version: text }, dnsNames: [text], ipAddresses: [], warnings: [text] },
    lapsesAt: '2026-12-01T00:00:00Z',
  },
  grants: [{ profile: text, dnsNames: [text], ipAddresses: [], uris: [], place: text }],
  refusals: [],
});

const host = (text: string): HostView => ({
  device: {
    ...{ id, hostName: text, state: 'active', keylimeUuid: hex, createdAt: '2026-01-01T00:00:00Z' },
    lastSeenAt: '2026-11-26T00:00:00Z',
    tpm: { manufacturer: text, model: text, version: text },
    endorsementKeys: [{ fingerprint: hex, provedAt: '2026-01-01T00:00:00Z', exception: text }],
    grants: [{ profile: text, dnsNames: [text], ipAddresses: [text], uris: [text], place: text }],
    lineages: [],
  },
  firmware: '1',
  lineages: [lineage(text)],
  warnings: [],
  word: {
    reportedAt: at(0),
    agentVersion: text,
    report: {
      ...{ agentVersion: text, at: '2026-11-26T00:00:00Z', unmanaged: [], trustGeneration: 0 },
      targets: [
        {
          ...{ name: text, profile: text, place: text, lineage: null, certificate: null, state: 'failed', failures: 1 },
          error: { at: '2026-11-26T00:00:00Z', phase: 'hook', reason: text, detail: text },
          hasSpireAgent: false,
        },
      ],
      findings: [{ check: text, level: 'critical', detail: text, fix: text }],
    },
  },
  unmanaged: [
    { path: text, fingerprint: hex, subject: text, issuer: text, notBefore: at(-1), notAfter: at(1), fault: text },
  ],
  keylime: [
    {
      ...{ agent: text, isRegistered: false, operationalState: 7, attestationStatus: text, heldAt: at(-1) },
      ...{ lastSuccessfulAttestation: at(-1), since: at(-1), seenAt: at(0) },
    },
  ],
  steps: [{ relyingParty: 'spire', action: text, state: 'due', notBefore: null, command: text, because: text }],
  trustGeneration: 2,
});

const issuer = (text: string): IssuerLine => ({
  ...{ id: hex, domain: 'estate', role: 'issuing', subject: text, subjectKeyIdentifier: 'aa', parentId: null },
  ...{ notBefore: at(-10), notAfter: at(40), isActive: true },
  crl: { number: 3, thisUpdate: at(-1), nextUpdate: at(2) },
});

const issuers = (text: string) => ({
  issuers: [issuer(text)],
  profiles: [
    {
      ...({
        name: text,
        description: text,
        domain: 'estate',
        lifetimeSeconds: 86_400,
        keyOrigin: 'tpm',
        issued: 4,
      } as const),
    },
  ],
  issuedDays: 7,
});

const spire = (text: string) => ({
  ...({
    device: id,
    hostName: text,
    asked: 'failed',
    because: text,
    nodeAlias: { spiffeId: text, selectors: [text] },
  } as const),
  lineages: [
    {
      ...{ lineage: id, hasSpireAgent: true, confirmedAt: null, confirmedBy: null, older: [] },
      newest: { certificate: hex, spiffeId: text, notAfter: '2026-12-01T00:00:00Z', listed: null },
      steps: [{ step: 'evict', state: 'due', spiffeId: text, command: text, because: text } as const],
    },
  ],
});

const pages: readonly (readonly [name: string, page: (text: string) => Html])[] = [
  ['the list of certificates', (text) => certificatesPage(listed(text))],
  ['a certificate', (text) => certificatePage(shown(text), frame())],
  ['a revocation', (text) => revocationPage(shown(text), frame())],
  [
    'the list of hosts',
    (text) =>
      hostsPage({
        text,
        state: null,
        page: { items: [line(text)], next: null },
        waiting: [waiting(text).enrollment],
        now,
      }),
  ],
  ['a host', (text) => hostPage(host(text), frame())],
  ['a retirement', (text) => decisionPage('retirement', host(text), frame())],
  ['an enrollment that waits', (text) => waitingPage(waiting(text), frame())],
  ['what SPIRE knows', (text) => spirePage(spire(text), now)],
  [
    'the endpoints',
    (text) =>
      endpointsPage(
        [
          {
            ...{ name: text, address: text, kind: text, lookedAt: null, reachableAt: null, level: 'critical' },
            findings: [{ condition: 'servedDiffers', level: 'critical', detail: text }],
            ...{ servedSha256: hex, servedNotAfter: null },
          },
        ],
        now,
      ),
  ],
  ['the CAs', (text) => issuersPage(issuers(text), now)],
];

describe('text of a stranger', () => {
  test.each(pages)('is text on %s', (_, page) => {
    const text = textOf(page(hostile));
    expect(text).not.toMatch(/<script|<img src=x|\u202e|\u0000/);
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toMatch(/href="(?!\/|#|\?)/);
  });

  test.each(pages)('makes no id twice on %s', (_, page) => {
    const ids = [...textOf(page('x')).matchAll(/\sid="([^"]*)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

test('a name has places to break at behind its dots, and within what is too long', () => {
  const text = textOf(row(['a'], [`host.example.org/${long}`]));
  expect(text).toContain('host.<wbr>example.<wbr>org/<wbr>');
  expect(Math.max(...text.split(/<[^>]+>/).map((word) => word.length))).toBeLessThanOrEqual(24);
});

describe('a list with nothing in it says why', () => {
  test.each<[Partial<CertificateSearch>, string]>([
    [{ text: '', profile: null }, 'There are no certificates yet'],
    [{ text: 'nobody', profile: null }, 'try “Ever issued”'],
    [{ text: '', profile: null, view: 'revoked' }, 'Nothing was ever revoked'],
    [{ text: 'nobody', profile: null, view: 'all' }, 'Nothing fits.'],
  ])('%j', (over, words) => {
    const view = { ...listed('', over, []), fault: null, page: { items: [], next: null, isCut: false } };
    expect(textOf(certificatesPage(view))).toContain(words);
  });

  test('hosts and CAs', () => {
    const none = { text: '', state: null, page: { items: [], next: null }, waiting: [], now };
    expect(textOf(hostsPage(none))).toContain('omens tokens create --host NAME');
    expect(textOf(hostsPage({ ...none, text: 'x' }))).toContain('Nothing fits');
    expect(textOf(issuersPage({ issuers: [], profiles: [], issuedDays: 7 }, now))).toContain('omens init');
    expect(textOf(endpointsPage([], now))).toContain('No endpoint is declared');
  });
});

describe('what may be done is offered to those who may', () => {
  test('a viewer sees no button on a host, a certificate or an enrollment', () => {
    for (const page of [
      hostPage(host('x'), frame('viewer')),
      certificatePage(shown('x'), frame('viewer')),
      waitingPage(waiting('x'), frame('viewer')),
    ]) {
      expect(textOf(page)).not.toMatch(/<form|Revoke…|Suspend…|Retire…/);
    }
  });

  test('an approval names the version that was looked at, and carries the secret of the session', () => {
    const text = textOf(waitingPage(waiting('x'), frame()));
    expect(text).toContain('<input type="hidden" name="version" value="3">');
    expect(text.match(/name="csrf" value="secret-of-the-form"/g)).toHaveLength(2);
  });

  test('what cannot be approved with one button has none, and says what to type', () => {
    const refusals = [{ reason: 'explicitGrantNeeded', detail: 'names beyond', accepted: '--profile x' }];
    const text = textOf(waitingPage({ ...waiting('x'), grants: null, refusals }, frame()));
    expect(text).not.toContain('Approve exactly this');
    expect(text).toContain('names beyond');
    expect(text).toContain(`omens devices approve ${id} --version 3`);
  });

  test('a retirement asks for the name, and says how much it revokes', () => {
    const text = textOf(decisionPage('retirement', host('tower.example.org'), frame()));
    expect(text).toContain('Its certificate in use is revoked now');
    expect(text).toContain('name="hostName"');
    expect(textOf(decisionPage('resumption', host('x'), frame()))).toContain('What was revoked stays revoked');
  });

  test('a certificate that is revoked is not offered to be revoked again', () => {
    const view = shown('x');
    const revoked = {
      ...view,
      certificate: { ...view.certificate, status: 'revoked', reasonCode: 'keyCompromise' },
    } as const;
    const text = textOf(certificatePage(revoked, frame()));
    expect(text).not.toContain('Revoke…');
    expect(text).toContain('revoked: keyCompromise');
  });
});
