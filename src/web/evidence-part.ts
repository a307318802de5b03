// Why a certificate was issued: who asked, who allowed it, the TPM behind the key, and each thing that had to hold.
import type {
  AllowedBy,
  EvidenceCheckResource,
  EvidenceRequest,
  EvidenceResource,
  TpmEvidenceResource,
} from '../domain/evidence-wire.ts';
import { firmwareText } from '../domain/tpm-vendors.ts';
import { longHex, makerText, row, table } from './content-parts.ts';
import { type Html, html, type Printed } from './html.ts';
import { linkTo } from './link.ts';
import { facts, level } from './parts.ts';
import { time } from './time.ts';

/** The part of a page. */
export const evidencePart = (evidence: EvidenceResource, now: Date): Html => html`${again(evidence.again)}
<div class="card">${facts([
  ['Asked by', principal(evidence.principal, evidence)],
  ...requestFacts(evidence.request, now),
  ['Profile', html`${evidence.profile.name} <span class="muted">${fileWords(evidence.profile.unchanged)}</span>`],
  ['Profile file', longHex(evidence.profile.digest)],
  ['Recorded', html`${time(evidence.recordedAt, now)} <span class="muted">before the signature</span>`],
  ['Issued', time(evidence.issuedAt, now)],
  ['Key', longHex(evidence.spkiSha256)],
])}</div>
<h3>What had to hold</h3>
<ul class="checks">${evidence.checks.map(check)}</ul>
${evidence.tpm !== null && tpmPart(evidence.tpm, now)}
${evidence.confirmations.length > 0 && confirmations(evidence, now)}`;

function again(state: EvidenceResource['again']): Html {
  if (state.state === 'fails') {
    return html`<p class="problem-line">What was kept does not verify any more: ${state.detail} (<code>${state.reason}</code>).</p>`;
  }
  if (state.state === 'verifies') {
    return html`<p>${level('ok', 'verified again')} What was proved then was verified again just now, by the policy of today.</p>`;
  }
  return html`<p>${level('neutral', 'nothing kept')} The request proved itself when it came and was not kept: nothing can be verified again.</p>`;
}

function principal(text: string, { device, hostName }: EvidenceResource): Printed {
  if (device === null) return text;
  return html`<a href="${linkTo('/devices/{id}', { id: device })}">${hostName ?? device}</a> <span class="muted">${text}</span>`;
}

function fileWords(unchanged: boolean | null): string {
  if (unchanged === null) return 'its file is not there any more';
  return unchanged ? 'its file is the same today' : 'its file has changed since';
}

type Fact = readonly [name: string, value: Printed];

function requestFacts(request: EvidenceRequest, now: Date): readonly Fact[] {
  switch (request.kind) {
    case 'enrollment':
      return [
        ['Request', html`enrollment of ${request.hostName}, ${time(request.startedAt, now)}`],
        ['Allowed by', allowed(request.allowedBy, now)],
        [
          'It asked for',
          request.asked.map(
            ({ profile, key }) =>
              html`<div>${profile} <span class="muted">${key === 'devid' ? 'for its DevID key' : 'for a CSR'}</span></div>`,
          ),
        ],
        ['Enrollment', html`<code>${request.id}</code>`],
      ];
    case 'renewal':
      return [
        [
          'Request',
          html`${request.recovery ? 'recovery' : 'renewal'}, ${time(request.admittedAt, now)}${request.outsideCeiling && ', outside the ceiling'}`,
        ],
        ['Its key', request.key === 'tpm' ? 'of the TPM' : 'of a CSR'],
        ['Renewal', html`<code>${request.id}</code>`],
      ];
    case 'csr':
      return [['Request', 'a CSR']];
    case 'service':
      return [['Request', 'the service for itself']];
    default:
      return request satisfies never;
  }
}

function allowed(by: AllowedBy, now: Date): Html {
  switch (by.kind) {
    case 'token':
      return html`an enrollment token of ${by.by}, ${time(by.at, now)}`;
    case 'approval':
      return html`${by.by}, who approved it ${time(by.at, now)}${by.replaces !== null && html` in place of device ${by.replaces}`}`;
    case 'preregistration':
      return html`${by.by}, who made its endorsement key known ${time(by.at, now)}`;
    case 'knownDevice':
      return html`its own device, which was there and proved its TPM again`;
    default:
      return by satisfies never;
  }
}

const outcomes = {
  verified: ['ok', 'verified'],
  recorded: ['neutral', 'recorded'],
  failed: ['critical', 'fails'],
} as const;

function check({ detail, outcome }: EvidenceCheckResource): Html {
  const [name, words] = outcomes[outcome];
  return html`<li>${level(name, words)}<span>${detail}</span></li>\n`;
}

function tpmPart(tpm: TpmEvidenceResource, now: Date): Html {
  const columns = ['Certificate', 'Ends', 'SHA-256'];
  const path = tpm.path.map(({ subject, notAfter, sha256 }, at) =>
    row(columns, [
      subject === ''
        ? html`<span class="muted">${at === 0 ? 'the EK certificate (no subject)' : 'no subject'}</span>`
        : subject,
      time(notAfter, now),
      longHex(sha256),
    ]),
  );
  return html`<h3>The TPM</h3>
<div class="card">${facts([
    ['Maker', makerText(tpm.manufacturer) ?? 'unknown'],
    ['Model', tpm.model],
    ['Version', tpm.version],
    ['Endorsement key', longHex(tpm.ekFingerprint)],
    ['Exception', tpm.exception],
    ['Attestation key', tpm.akName !== null && longHex(tpm.akName)],
  ])}</div>
${path.length > 0 && table('The path of the endorsement key, from its own certificate to the root of its maker.', columns, path)}
${tpm.certifications.map(certification)}`;
}

const certification = (
  one: TpmEvidenceResource['certifications'][number],
): Html => html`<details><summary>What the TPM certified: the ${one.role === 'devid' ? 'DevID key' : 'request key'}</summary>
${facts([
  ['Name of the key', longHex(one.name)],
  ['SHA-256 of it', one.spkiSha256 !== null && longHex(one.spkiSha256)],
  ['Signed by the AK', longHex(one.qualifiedSigner)],
  ['Over', longHex(one.extraData)],
  [
    'Firmware',
    html`${firmwareText(BigInt(`0x${one.firmwareVersion}`).toString())} <span class="muted">${one.firmwareVersion}</span>`,
  ],
  ['Clock', `${one.clock} ms, ${one.resetCount} resets, ${one.restartCount} restarts${one.safe ? '' : ', not safe'}`],
])}</details>`;

function confirmations({ confirmations: all }: EvidenceResource, now: Date): Html {
  const columns = ['When', 'By', 'Who', 'What was seen'];
  const rows = all.map(({ at, by, principal: who, observed }) =>
    row(columns, [
      time(at, now),
      by,
      who,
      observed === null
        ? '–'
        : observed.checks.map(
            ({ check: name, ok, detail }) =>
              html`<div>${ok ? '✓' : '✕'} ${name} <span class="muted">${detail}</span></div>`,
          ),
    ]),
  );
  return html`<h3>Confirmed in use</h3>${table('Who said that it is in use.', columns, rows)}`;
}
