// Pages that ask once more before something is done that cannot be undone by a click: revoking, suspending, resuming,
// retiring. Each says what will happen.
import { type ReasonCode, reasonCodes } from '../domain/certificate.ts';
import type { CertificatePageView } from '../domain/certificate-view.ts';
import type { HostView } from '../domain/host-view.ts';
import { longHex } from './content-parts.ts';
import { type Html, html } from './html.ts';
import type { Frame } from './layout.ts';
import { linkTo } from './link.ts';
import { facts, postForm } from './parts.ts';
import { time } from './time.ts';

const reasonTexts: Readonly<Record<ReasonCode, string>> = {
  unspecified: 'no reason is given',
  keyCompromise: 'somebody else may have the key: everything of that key is revoked, and it is never certified again',
  affiliationChanged: 'a name in it is no longer right',
  superseded: 'it was replaced',
  cessationOfOperation: 'what it was for has ended',
  privilegeWithdrawn: 'its holder shall not have it any more',
};

/** `/certificates/{cert}/revocation` */
export function revocationPage({ certificate, use }: CertificatePageView, frame: Frame): Html {
  const { certificate: cert, subject, profile, serial, notAfter } = certificate;
  const form = postForm(
    frame,
    linkTo('/certificates/{cert}/revocation', { cert }),
    html`<fieldset class="reasons"><legend>Reason</legend>
${reasonCodes.map(
  (code) =>
    html`<p><input type="radio" id="${code}" name="reasonCode" value="${code}" required> <label for="${code}">${code}</label> <span class="hint">${reasonTexts[code]}</span></p>`,
)}</fieldset>
<div class="choices"><button class="danger">Revoke it</button> <a class="button" href="${linkTo('/certificates/{cert}', { cert })}">Leave it as it is</a></div>`,
  );
  return html`<div class="narrow"><h1>Revoke a certificate</h1>
${facts([
  ['Subject', subject],
  ['Profile', profile],
  ['Host', use.hostName],
  ['Serial number', longHex(serial)],
  ['Ends', time(notAfter, frame.now)],
])}
<div class="alert"><p>There is no way back: it stands on the CRL until it ends. ${use.isServing && 'It is in use now: what relies on it fails as soon as the CRL is read. '}SPIRE and Keylime do not read the CRL: to shut out a host, suspend or retire it.</p></div>
${form}</div>`;
}

type Decision = 'suspension' | 'resumption' | 'retirement';

const decisions: Readonly<
  Record<
    Decision,
    { readonly title: string; readonly button: string; readonly what: (count: number) => readonly string[] }
  >
> = {
  suspension: {
    title: 'Suspend',
    button: 'Suspend it',
    what: (count) => [
      `${revokedText(count)} (privilegeWithdrawn); what was revoked stays so.`,
      'Nothing is issued to it, whatever it asks for, until it is resumed.',
      'Its name, TPM and grants stay its own.',
      'What is left to do at SPIRE and Keylime is shown afterwards.',
    ],
  },
  resumption: {
    title: 'Resume',
    button: 'Resume it',
    what: () => ['It may have certificates again: its next ones are due at once.', 'What was revoked stays revoked.'],
  },
  retirement: {
    title: 'Retire',
    button: 'Retire it for good',
    what: (count) => [
      `${revokedText(count)} (cessationOfOperation).`,
      'It never comes back: a host of this name or with this TPM has to enroll as a new device, which a person has to allow.',
      'What is left to do at SPIRE and Keylime is shown afterwards.',
    ],
  },
};

function revokedText(count: number): string {
  if (count === 0) return 'Whatever certificate of it is still good is revoked now';
  return `Its ${count === 1 ? 'certificate in use is' : `${count} certificates in use are`} revoked now, with all before`;
}

/** `/devices/{id}/suspension`, `…/resumption`, `…/retirement`. A retirement is for good: the name is asked for. */
export function decisionPage(decision: Decision, { device, lineages }: HostView, frame: Frame): Html {
  const { title, button, what } = decisions[decision];
  const count = lineages.filter(({ newest, inUse }) => (inUse ?? newest)?.status === 'good').length;
  const { id, hostName } = device;
  const form = postForm(
    frame,
    linkTo(`/devices/{id}/${decision}`, { id }),
    html`${
      decision === 'retirement' &&
      html`<label for="hostName">Its name, to be sure</label><input id="hostName" name="hostName" required maxlength="253" autocomplete="off" autocapitalize="none" spellcheck="false">`
    }
<div class="choices"><button class="${decision === 'resumption' ? 'primary' : 'danger'}">${button}</button> <a class="button" href="${linkTo('/devices/{id}', { id })}">Leave it as it is</a></div>`,
  );
  return html`<div class="narrow"><h1>${title} ${hostName}</h1>
<ul>${what(count).map((line) => html`<li>${line}</li>`)}</ul>
${form}</div>`;
}
