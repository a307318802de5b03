// One host: its state, warnings, what it may have, its lineages, its TPM, what it said of itself, and what is left to do
// elsewhere.
import type { HostView, HostWord, KeylimeLine, UnmanagedLine } from '../domain/host-view.ts';
import type { LineageResource } from '../domain/lineage-wire.ts';
import { roleIncludes } from '../domain/principal.ts';
import type { RelyingPartyStep } from '../domain/revocation-wire.ts';
import { firmwareText } from '../domain/tpm-vendors.ts';
import { conditions, type WarningRecord } from '../domain/warning.ts';
import { type GrantResource, wireTime } from '../domain/wire.ts';
import { longHex, makerText, row, table } from './content-parts.ts';
import { stateOf } from './hosts-page.ts';
import { type Html, html } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { empty, facts, level } from './parts.ts';
import { time } from './time.ts';

/** `/devices/{id}` */
export function hostPage(view: HostView, frame: Frame): Html {
  const { device, word, steps } = view;
  const { now } = frame;
  return html`<h1>${device.hostName}</h1>
<p class="standing">${stateOf(device.state)} <span>last seen ${time(device.lastSeenAt, now)}</span></p>
${actions(view, frame)}
${steps.length > 0 && leftToDo(steps, now)}
${warnings(view.warnings, now)}
<h2>Certificates</h2>
${lineages(view.lineages, now)}
<div class="cards">
<section class="card"><h2>TPM</h2>${tpm(view, now)}</section>
<section class="card"><h2>Agent</h2>${agent(view, now)}</section>
</div>
<h2>What it may have</h2>
${grantTable(device.grants)}
${word !== null && targets(word, now)}
${word !== null && findings(word)}
${view.unmanaged.length > 0 && unmanaged(view.unmanaged, now)}
${view.keylime.length > 0 && keylime(view.keylime, now)}
<h2>Elsewhere</h2>
<p><a href="${linkTo('/devices/{id}/spire', { id: device.id })}">What SPIRE knows of it, and what is to be done there</a></p>`;
}

function actions({ device }: HostView, { operator }: Frame): Html | null {
  if (!roleIncludes(operator.role, 'admin') || device.state === 'retired') return null;
  const { id } = device;
  return html`<p class="choices">
${device.state === 'active' && html`<a class="button danger" href="${linkTo('/devices/{id}/suspension', { id })}">Suspend…</a>`}
${device.state === 'suspended' && html`<a class="button" href="${linkTo('/devices/{id}/resumption', { id })}">Resume…</a>`}
<a class="button danger" href="${linkTo('/devices/{id}/retirement', { id })}">Retire…</a></p>`;
}

const parties = { spire: 'SPIRE', keylimeVerifier: 'Keylime verifier', keylimeRegistrar: 'Keylime registrar' } as const;

/** None of the relying parties reads our CRL: somebody has to tell them. */
function leftToDo(steps: readonly RelyingPartyStep[], now: Date): Html {
  return html`<section class="alert" aria-labelledby="left"><h2 id="left">Left to do at relying parties</h2>
<p>They do not look at the CRL. In this order:</p>
<ol>${steps.map(
    ({ relyingParty, action, state, notBefore, command, because }) =>
      html`<li><p><strong>${parties[relyingParty]}</strong>: ${action}${state === 'notYet' && html`, not before ${time(notBefore, now)}`} <span class="muted">${because}</span></p><pre class="command">${command}</pre></li>`,
  )}</ol></section>`;
}

function warnings(all: readonly WarningRecord[], now: Date): Html {
  if (all.length === 0) return html`<p>${level('ok', 'well')} No warning is open about it.</p>`;
  const columns = ['Warning', 'Level', 'Why', 'Since'];
  const rows = all.map((one) =>
    row(columns, [
      html`<a href="${linkTo('/warnings/{id}', { id: one.id })}">${conditions[one.condition]}</a>`,
      level(one.level),
      one.reason,
      time(wireTime(one.openedAt), now),
    ]),
  );
  return html`<h2>Warnings</h2>${table('The worst and oldest first.', columns, rows)}`;
}

const lineageLevels: Readonly<Record<LineageResource['state'], 'ok' | 'warning' | 'critical' | 'neutral'>> = {
  empty: 'neutral',
  current: 'ok',
  windowOpen: 'ok',
  inProgress: 'ok',
  issued: 'ok',
  installed: 'ok',
  failed: 'warning',
  late: 'critical',
  blocked: 'neutral',
};

/** States in words. */
const lineageWords: Readonly<Record<LineageResource['state'], string>> = {
  empty: 'none yet',
  current: 'in use',
  windowOpen: 'due',
  inProgress: 'being issued',
  issued: 'issued',
  installed: 'in place',
  failed: 'failed',
  late: 'late',
  blocked: 'blocked',
};

function lineages(all: readonly LineageResource[], now: Date): Html {
  if (all.length === 0) return empty('It has no lineage: nothing was ever issued to it.');
  const columns = ['Profile', 'State', 'In use', 'Ends', 'Renews', 'Why'];
  const rows = all.map((lineage) => {
    const { profile, place, state, newest, inUse, renewAt, reason, lastError } = lineage;
    const shown = inUse ?? newest;
    return row(columns, [
      html`${profile}${place !== '' && html` <span class="muted">${place}</span>`}`,
      level(lineageLevels[state], lineageWords[state]),
      shown === null
        ? '–'
        : html`<a href="${linkTo('/certificates/{cert}', { cert: shown.certificate })}"><code class="nowrap">${shown.certificate.slice(0, 16)}</code></a>`,
      html`${time(shown?.notAfter ?? null, now)}${shown?.status === 'revoked' && html` ${level('neutral', 'revoked')}`}`,
      time(renewAt, now),
      reason === null && lastError === null
        ? '–'
        : html`${reason !== null && html`<div>${reason}</div>`}${lastError !== null && html`<div>${!(reason ?? '').includes(lastError.detail) && `${lastError.phase}: ${lastError.detail}`} <span class="muted">${lastError.failures} in a row</span></div>`}`,
    ]);
  });
  return table('Where its certificates follow one another.', columns, rows);
}

function tpm({ device, firmware }: HostView, now: Date): Html {
  const { manufacturer, model, version } = device.tpm;
  return facts([
    ['Maker', makerText(manufacturer) ?? 'unknown: it has no EK certificate'],
    ['Model', model],
    ['Version', version],
    ['Attested firmware', firmwareText(firmware)],
    ...device.endorsementKeys.map(
      ({ fingerprint, provedAt, exception }) =>
        [
          'Endorsement key',
          html`${longHex(fingerprint)} <div class="muted">proved ${time(provedAt, now)}${exception !== null && `, exception ${exception}`}</div>`,
        ] as const,
    ),
    ['Keylime UUID', device.keylimeUuid !== null && longHex(device.keylimeUuid)],
  ]);
}

function agent({ device, word, trustGeneration }: HostView, now: Date): Html {
  const common = [
    ['Device', longHex(device.id)],
    ['Enrolled', time(device.createdAt, now)],
  ] as const;
  if (word === null) return html`${facts(common)}${empty('It has not reported yet.')}`;
  const { trustGeneration: has } = word.report;
  return facts([
    ['Version', word.agentVersion],
    ['Reported', time(wireTime(word.reportedAt), now)],
    ['Its clock then', time(word.report.at, word.reportedAt)],
    [
      'Trust anchors',
      html`generation ${has} ${has < trustGeneration && level('warning', `behind ${trustGeneration}`)}`,
    ],
    ...common,
  ]);
}

/** What a device may have, exactly. */
export function grantTable(grants: readonly GrantResource[]): Html {
  if (grants.length === 0) return empty('Nothing is granted to it.');
  const columns = ['Profile', 'Place', 'Names'];
  const rows = grants.map(({ profile, place, dnsNames, ipAddresses, uris }) =>
    row(columns, [
      profile,
      place === '' ? html`<span class="muted">default</span>` : place,
      [...dnsNames, ...ipAddresses, ...uris].join(', ') || html`<span class="muted">none</span>`,
    ]),
  );
  return table('Exact names, for one profile and one place.', columns, rows);
}

/** States of a target in words. */
const targetWords = {
  inUse: 'in use',
  staged: 'staged',
  installed: 'in place',
  rolledBack: 'rolled back',
  failed: 'failed',
  blocked: 'blocked',
  missing: 'missing',
} as const;

function targets({ report }: HostWord, now: Date): Html | null {
  if (report.targets.length === 0) return null;
  const columns = ['Target', 'Profile', 'State', 'Error'];
  const bad = ['rolledBack', 'failed', 'missing'];
  const rows = report.targets.map(({ name, profile, place, state, error }) =>
    row(columns, [
      name,
      html`${profile}${place !== '' && html` <span class="muted">${place}</span>`}`,
      level(bad.includes(state) ? 'critical' : state === 'inUse' ? 'ok' : 'neutral', targetWords[state]),
      error === null ? '–' : html`${error.phase}: ${error.detail} <span class="muted">${time(error.at, now)}</span>`,
    ]),
  );
  return html`<h2>Targets on the host</h2>${table('As its agent says.', columns, rows)}`;
}

function findings({ report }: HostWord): Html {
  const shown = report.findings.filter(({ level: one }) => one !== 'ok');
  if (shown.length === 0)
    return html`<h2>Findings of its doctor</h2><p>${level('ok', 'well')} ${report.findings.length} checks, all in order.</p>`;
  const columns = ['Check', 'Level', 'What', 'Fix'];
  const rows = shown.map(({ check, level: one, detail, fix }) =>
    row(columns, [check, level(one), detail, fix === null ? '–' : html`<code>${fix}</code>`]),
  );
  const fine = report.findings.length - shown.length;
  return html`<h2>Findings of its doctor</h2>${table(`What is not in order; ${fine} checks are.`, columns, rows)}`;
}

/** What the doctor of a host finds wrong with a certificate, in a word or two; it explains itself in its findings. */
const faultWords: Readonly<Record<string, string>> = {
  softwareKeyDevId: 'software key',
  anotherHost: 'of another host',
  clientPurpose: 'can be a client',
  expired: 'ended',
};

function unmanaged(all: readonly UnmanagedLine[], now: Date): Html {
  const columns = ['File', 'Subject', 'Issuer', 'Ends', 'Fault'];
  const rows = all.map(({ path, subject, issuer, notAfter, fault }) =>
    row(columns, [
      html`<code>${path}</code>`,
      subject,
      issuer,
      time(wireTime(notAfter), now),
      fault === null ? '–' : level(fault === 'expired' ? 'neutral' : 'critical', faultWords[fault] ?? fault),
    ]),
  );
  return html`<h2>Certificates that nobody keeps</h2>${table('Found by its agent; they authenticate nobody here.', columns, rows)}`;
}

function keylime(all: readonly KeylimeLine[], now: Date): Html {
  const columns = ['Agent', 'Registered', 'Attestation', 'Last good', 'Renewals', 'Looked at'];
  const rows = all.map(
    ({ agent: uuid, isRegistered, attestationStatus, lastSuccessfulAttestation, heldAt, seenAt, since }) =>
      row(columns, [
        longHex(uuid),
        isRegistered ? 'yes' : level('warning', 'no'),
        html`${attestationStatus === null ? html`<span class="muted">the verifier does not know it</span>` : level(attestationStatus === 'PASS' ? 'ok' : attestationStatus === 'FAIL' ? 'critical' : 'neutral', attestationStatus)} <span class="muted">since ${time(wireTime(since), now)}</span>`,
        time(lastSuccessfulAttestation === null ? null : wireTime(lastSuccessfulAttestation), now),
        heldAt === null ? 'as ever' : html`${level('warning', 'held')} ${time(wireTime(heldAt), now)}`,
        time(wireTime(seenAt), now),
      ]),
  );
  return html`<h2>Keylime</h2>${table('As verifier and registrar say.', columns, rows)}`;
}
