// One enrollment that waits for a person: what to compare, what there is to be careful of, exactly what an approval grants,
// and the two answers.
import type { WaitingView } from '../domain/host-view.ts';
import { roleIncludes } from '../domain/principal.ts';
import { tpmVendorName } from '../domain/tpm-vendors.ts';
import { groupedHex } from './content-parts.ts';
import { grantTable } from './host-page.ts';
import { type Html, html } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { facts, postForm } from './parts.ts';
import { time } from './time.ts';

/** `/enrollments/{id}` */
export function waitingPage(view: WaitingView, frame: Frame): Html {
  const { enrollment, grants } = view;
  const { hostName, ekFingerprint, tpm, warnings, state, lapsesAt } = enrollment;
  return html`<h1>${hostName} ${state === 'pending' ? 'waits for a decision' : 'is approved'}</h1>
<p>It proved that its TPM holds this endorsement key. Whether it is the host that it says it is, only a person can tell: compare the key with what its console shows.</p>
<div class="card"><h2>Endorsement key</h2><p>${groupedHex(ekFingerprint)}</p>
${facts([
  [
    'TPM',
    html`${tpmVendorName(tpm.manufacturer) ?? 'unknown: it has no EK certificate'} ${tpm.model} <span class="muted">${tpm.version}</span>`,
  ],
  ['Lapses', time(lapsesAt, frame.now)],
  ['Version', enrollment.version],
])}</div>
${warnings.length > 0 && html`<section class="alert" aria-labelledby="careful"><h2 id="careful">Be careful</h2><ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></section>`}
<h2>${state === 'pending' ? 'What an approval grants' : 'What was granted'}</h2>
${grants === null ? whyNot(view) : grantTable(grants)}
${roleIncludes(frame.operator.role, 'admin') ? decisions(view, frame) : html`<p class="note">Only an administrator decides.</p>`}`;
}

/** What cannot be approved with one button: names beyond the default have to be said. */
const whyNot = ({
  refusals,
  enrollment,
}: WaitingView): Html => html`<div class="alert"><p>It cannot be approved here:</p>
<ul>${refusals.map(({ detail, accepted }) => html`<li>${detail}${accepted !== undefined && html` <span class="muted">${accepted}</span>`}</li>`)}</ul>
<p>Say the profiles and names yourself: <code>omens devices approve ${enrollment.id} --version ${enrollment.version} --profile …</code></p></div>`;

function decisions({ enrollment, grants }: WaitingView, frame: Frame): Html {
  const { id, version, state } = enrollment;
  const seen = html`<input type="hidden" name="version" value="${version}">`;
  const approve = postForm(
    frame,
    linkTo('/enrollments/{id}/approval', { id }),
    html`${seen}<p class="hint">The host proves its TPM once more and then gets its certificates.</p><button class="primary">Approve exactly this</button>`,
  );
  const reject = postForm(
    frame,
    linkTo('/enrollments/{id}/rejection', { id }),
    html`${seen}<label for="reason">Reason, told to the host</label><input id="reason" name="reason" required maxlength="200"><button class="danger">Reject</button>`,
  );
  return html`<div class="cards">
${state === 'pending' && grants !== null && html`<section class="card"><h2>Approve</h2>${approve}</section>`}
<section class="card"><h2>${state === 'pending' ? 'Reject' : 'Take it back'}</h2>${reject}</section>
</div>`;
}
