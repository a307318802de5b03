// One certificate: summary, chain, what it says, PEM, the history of its lineage, and why it was issued.
import type { CertificatePageView, ChainLink, LineageHistory, LineageStep } from '../domain/certificate-view.ts';
import type { CertificateText } from '../domain/certificate-text.ts';
import { expiryReason } from '../domain/expiry.ts';
import { roleIncludes } from '../domain/principal.ts';
import { wireTime } from '../domain/wire.ts';
import { chainPicture } from './charts/chain-picture.ts';
import { lineagePicture } from './charts/lineage-picture.ts';
import { longHex, row, table } from './content-parts.ts';
import { evidencePart } from './evidence-part.ts';
import { type Html, html, type Printed } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { facts, level } from './parts.ts';
import { time } from './time.ts';

/** `/certificates/{cert}` */
export function certificatePage(view: CertificatePageView, frame: Frame): Html {
  const { certificate, history, evidence, text } = view;
  const parts = [
    ['chain', 'Chain'],
    ...(history === null ? [] : [['history', 'History']]),
    ...(evidence === null ? [] : [['evidence', 'Why it was issued']]),
    ...(text === null ? [] : [['text', 'Text']]),
    ['pem', 'PEM'],
  ];
  return html`<h1>${certificate.subject === '' ? 'Certificate' : certificate.subject}</h1>
<p class="standing">${status(view, frame.now)} <span>${certificate.profile}</span> <span class="muted">${stateWords(view, frame.now)}</span></p>
${actions(view, frame)}
<ul class="subnav" aria-label="On this page">${parts.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}</ul>
${summary(view, frame.now)}
<h2 id="chain">Chain</h2>
${chain(view, frame.now)}
${history !== null && html`<h2 id="history">History of its lineage</h2>${lineageHistory(history, { shown: certificate.certificate, now: frame.now })}`}
${evidence !== null && html`<h2 id="evidence">Why it was issued</h2>${evidencePart(evidence, frame.now)}`}
${text !== null && html`<h2 id="text">Text</h2>${certificateText(text)}`}
<h2 id="pem">PEM</h2>
<p><a class="button" href="${linkTo('/certificates/{cert}/certificate.pem', { cert: certificate.certificate })}">Download the certificate</a>
<a class="button" href="${linkTo('/certificates/{cert}/chain.pem', { cert: certificate.certificate })}">Download it with its chain</a></p>
<pre class="pem" tabindex="0" aria-label="The certificate in PEM">${certificate.pem}</pre>`;
}

function status({ certificate, level: shown }: CertificatePageView, now: Date): Html {
  if (certificate.status === 'revoked') return level('critical', `revoked: ${certificate.reasonCode ?? 'unspecified'}`);
  const isOver = now > new Date(certificate.notAfter);
  if (shown !== null) return level(shown, isOver ? 'ended' : shown === 'ok' ? 'ok' : `${shown}: ends soon`);
  return level('neutral', isOver ? 'ended' : 'not in use');
}

/** Why it has its level. */
function stateWords({ certificate, use, level: shown }: CertificatePageView, now: Date): string {
  const validity = { notBefore: new Date(certificate.notBefore), notAfter: new Date(certificate.notAfter) };
  const left = expiryReason(validity, now);
  if (certificate.status === 'revoked') return `it would have had ${left}`;
  if (shown !== null) return `in use; ${left}`;
  return use.supersededAt === null ? left : `replaced by a newer one; ${left}`;
}

function actions({ certificate }: CertificatePageView, { operator }: Frame): Html | null {
  if (!roleIncludes(operator.role, 'admin') || certificate.status === 'revoked') return null;
  const address = linkTo('/certificates/{cert}/revocation', { cert: certificate.certificate });
  return html`<p class="choices"><a class="button danger" href="${address}">Revoke…</a></p>`;
}

function summary({ certificate, use, lineage, level: shown }: CertificatePageView, now: Date): Html {
  const { dnsNames, ipAddresses, uris, device } = certificate;
  const levels = use.levels;
  return html`<div class="card">${facts([
    ['Names', list([...dnsNames, ...ipAddresses, ...uris])],
    ['Valid', html`${time(certificate.notBefore, now)} to ${time(certificate.notAfter, now)}`],
    ['Is a warning from', shown !== null && levels !== null && time(wireTime(levels.warningAt), now)],
    ['Critical from', shown !== null && levels !== null && time(wireTime(levels.criticalAt), now)],
    [
      'Renews',
      lineage?.renewAt != null && lineage.newest?.certificate === certificate.certificate && time(lineage.renewAt, now),
    ],
    [
      'Host',
      device !== null && html`<a href="${linkTo('/devices/{id}', { id: device })}">${use.hostName ?? device}</a>`,
    ],
    ['Place', use.place],
    [
      'Lineage',
      lineage !== null &&
        html`${lineage.state}${lineage.reason !== null && html` <span class="muted">${lineage.reason}</span>`}`,
    ],
    [
      'Last error',
      lineage?.lastError != null &&
        html`${lineage.lastError.reason}: ${lineage.lastError.detail} <span class="muted">(${lineage.lastError.failures} in a row)</span>`,
    ],
    ['Serial number', longHex(certificate.serial)],
    ['SHA-256', longHex(certificate.certificate)],
    ['Issuer', html`<a href="/issuers">${longHex(certificate.issuer)}</a>`],
    ['Issued', time(certificate.issuedAt, now)],
  ])}</div>`;
}

const list = (names: readonly string[]): Printed => names.map((name, at) => html`${at > 0 && ', '}${name}`);

function chain({ certificate, chain: links }: CertificatePageView, now: Date): Html {
  const leaf: ChainLink = {
    id: certificate.certificate,
    subject: certificate.subject,
    role: 'issuing',
    notBefore: new Date(certificate.notBefore),
    notAfter: new Date(certificate.notAfter),
  };
  const roles = { root: 'root', intermediate: 'intermediate CA', issuing: 'issuing CA' } as const;
  const path = [...links].reverse();
  const boxes = [
    ...path.map(({ role, subject, notAfter }) => ({ role: roles[role], name: subject, notAfter })),
    { role: 'certificate', name: leaf.subject, notAfter: leaf.notAfter },
  ];
  const columns = ['Certificate', 'Role', 'Ends', 'SHA-256'];
  const rows = [...path, leaf].map((link) =>
    row(columns, [
      link.subject,
      link === leaf ? 'certificate' : roles[link.role],
      time(wireTime(link.notAfter), now),
      longHex(link.id),
    ]),
  );
  return html`${chainPicture('chain-picture', boxes, now)}
${table('The same as a table, the root first.', columns, rows)}`;
}

/** So many bars fit into a picture that is still read at a glance. */
const mostBars = 12;

function lineageHistory(
  { steps, refused }: LineageHistory,
  { shown, now }: { readonly shown: string; readonly now: Date },
): Html {
  const columns = ['Certificate', 'Issued', 'In place', 'Confirmed', 'Replaced', 'Ends', 'Status'];
  const bars = steps.slice(0, mostBars).map((step) => ({
    ...{ name: step.fingerprint, notBefore: step.notBefore, notAfter: step.notAfter, issuedAt: step.issuedAt },
    ...{ confirmedAt: step.confirmed?.at ?? null, supersededAt: step.supersededAt, isServing: step.isServing },
    revokedAt: step.revoked?.at ?? null,
  }));
  return html`${bars.length > 0 && lineagePicture('lineage-picture', bars, now)}
<ul class="picture-legend"><li>solid: until it was replaced</li><li>hatched: replaced or revoked, until its end</li><li>○ confirmed</li><li>✕ revoked</li></ul>
${table(
  'The newest first.',
  columns,
  steps.map((step) => stepRow(columns, step, { shown, now })),
)}
${refused.length > 0 && refusals(refused, now)}`;
}

function stepRow(
  columns: readonly string[],
  step: LineageStep,
  { shown, now }: { readonly shown: string; readonly now: Date },
): Html {
  const at = (instant: Date | null): Printed => time(instant === null ? null : wireTime(instant), now);
  const name = html`<code class="nowrap">${step.fingerprint.slice(0, 16)}</code>`;
  return row(columns, [
    step.fingerprint === shown
      ? html`${name} <span class="muted">(this one)</span>`
      : html`<a href="${linkTo('/certificates/{cert}', { cert: step.fingerprint })}">${name}</a>`,
    at(step.issuedAt),
    at(step.installedAt),
    step.confirmed === null ? '–' : html`${at(step.confirmed.at)} <span class="muted">by ${step.confirmed.by}</span>`,
    at(step.supersededAt),
    at(step.notAfter),
    stepStatus(step, now),
  ]);
}

function stepStatus({ revoked, isServing, supersededAt, notAfter }: LineageStep, now: Date): Html {
  if (revoked !== null) return html`${level('critical', 'revoked')} <span class="muted">${revoked.reasonCode}</span>`;
  if (isServing) return level(now > notAfter ? 'critical' : 'ok', now > notAfter ? 'in use, ended' : 'in use');
  return level('neutral', supersededAt === null ? 'not in use' : 'replaced');
}

function refusals(refused: LineageHistory['refused'], now: Date): Html {
  const columns = ['When', 'Why'];
  const rows = refused.map(({ at, refusals: reasons }) =>
    row(columns, [
      time(wireTime(at), now),
      reasons.map(({ reason, detail }) => html`<div><code>${reason}</code>: ${detail}</div>`),
    ]),
  );
  return html`<h3>Renewals that were refused</h3>${table('The last one first.', columns, rows)}`;
}

const certificateText = (
  text: CertificateText,
): Html => html`<details><summary>What the certificate says, in words</summary>
${text.map(
  ({
    title,
    isCritical,
    lines,
  }) => html`<h3>${title}${isCritical === true && html` <span class="muted">critical</span>`}</h3>
${facts(lines.map(({ name, value }) => [name, /^[0-9a-f:]{48,}/.test(value) ? longHex(value) : value]))}`,
)}</details>`;
