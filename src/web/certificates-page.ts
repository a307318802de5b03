// The list of certificates: search, filters as links, and what ends first at the top.
import {
  type CertificateSearch,
  type CertificateView,
  certificateViews,
  type FoundCertificate,
  type FoundPage,
  levelOf,
  mostFound,
} from '../domain/certificate-search.ts';
import { breakable, filterRow, row, table } from './content-parts.ts';
import { type Html, html } from './html.ts';
import { linkTo, type LinkQuery } from './link.ts';
import { empty, level, pager } from './parts.ts';
import { time } from './time.ts';
import { wireTime } from '../domain/wire.ts';

export type CertificatesView = {
  readonly search: Omit<CertificateSearch, 'withinSeconds' | 'cursor'>;
  /** As it was typed; empty for none. */
  readonly within: string;
  /** What was wrong with it, or null. */
  readonly fault: string | null;
  readonly page: FoundPage;
  readonly profiles: readonly string[];
  readonly now: Date;
};

const viewNames: Readonly<Record<CertificateView, string>> = {
  serving: 'In use now',
  revoked: 'Revoked',
  all: 'Ever issued',
};

const withins = ['24h', '7d', '30d', '90d'] as const;

/** `/certificates` */
export function certificatesPage(view: CertificatesView): Html {
  const { search, page, fault } = view;
  const query = queryOf(view);
  return html`<h1>Certificates</h1>
<form class="search" method="get" action="/certificates" role="search">
<label class="sr-only" for="q">Host, name, address, serial number or fingerprint</label>
<input id="q" name="q" type="search" value="${search.text}" maxlength="255" placeholder="Host, name, address, serial number, fingerprint" autocapitalize="none" spellcheck="false">
${hidden('view', search.view === 'serving' ? '' : search.view)}${hidden('profile', search.profile ?? '')}${hidden('within', view.within)}
<button class="primary">Search</button>
${search.text !== '' && html`<a class="button" href="${linkTo('/certificates', {}, { ...query, q: null })}">Clear</a>`}
</form>
<p class="hint">Hosts and common names are found by their beginning; other names and addresses exactly; fingerprints by at least 16 digits; a host also by its device, lineage, endorsement key or Keylime UUID.</p>
${filters(view)}
${fault !== null && html`<p class="problem-line" role="alert">${fault}</p>`}
${page.isCut && html`<p class="alert">More than ${mostFound} certificates fit: only so many are looked at. Type more of the name.</p>`}
${page.items.length === 0 ? empty(nothing(view)) : list(view)}
${pager('/certificates', query, page.next)}`;
}

const hidden = (name: string, value: string): Html | null =>
  value === '' ? null : html`<input type="hidden" name="${name}" value="${value}">`;

const queryOf = ({ search, within }: CertificatesView): LinkQuery => ({
  q: search.text,
  view: search.view === 'serving' ? null : search.view,
  profile: search.profile,
  within,
});

function filters(view: CertificatesView): Html {
  const { search, profiles, within } = view;
  const query = queryOf(view);
  const views = certificateViews.map((one) => ({
    words: viewNames[one],
    query: { ...query, view: one === 'serving' ? null : one },
    isOn: one === search.view,
  }));
  const byProfile = [null, ...profiles].map((one) => ({
    words: one ?? 'any',
    query: { ...query, profile: one },
    isOn: one === search.profile,
  }));
  const byEnd = ['', ...withins].map((one) => ({
    words: one === '' ? 'any time' : `within ${one}`,
    query: { ...query, within: one },
    isOn: one === within,
  }));
  const isDated = search.view !== 'revoked' || search.text !== '';
  return html`${filterRow('Show', views, '/certificates')}
${filterRow('Profile', byProfile, '/certificates')}
${isDated && filterRow('Ends', byEnd, '/certificates')}`;
}

function nothing({ search, within }: CertificatesView): string {
  const isFiltered = search.profile !== null || within !== '' || search.text !== '';
  if (isFiltered && search.view !== 'all')
    return 'Nothing fits. What was replaced or revoked is not in this view: try “Ever issued”.';
  if (isFiltered) return 'Nothing fits.';
  if (search.view === 'revoked') return 'Nothing was ever revoked.';
  return 'There are no certificates yet. A host gets its first ones when it enrolls.';
}

const columns = ['Subject', 'Profile', 'Host', 'Ends', 'Status'] as const;

const captions: Readonly<Record<CertificateView, string>> = {
  serving: 'What ends first is at the top. Of each lineage the certificate that is in use.',
  revoked: 'What was revoked last is at the top.',
  all: 'What ends last is at the top.',
};

function list({ search, page, now }: CertificatesView): Html {
  const caption = search.text === '' ? captions[search.view] : 'What ends first is at the top.';
  return table(
    caption,
    columns,
    page.items.map((item) => line(item, now)),
  );
}

function line(item: FoundCertificate, now: Date): Html {
  const { fingerprint, commonName, profile, device, lineage, notAfter } = item;
  const place = lineage === null || lineage.place === '' ? null : html` <span class="muted">${lineage.place}</span>`;
  return row(columns, [
    html`<a href="${linkTo('/certificates/{cert}', { cert: fingerprint })}">${breakable(commonName === '' ? fingerprint.slice(0, 16) : commonName)}</a>`,
    html`${profile}${place}`,
    device === null
      ? html`<span class="muted">none</span>`
      : html`<a href="${linkTo('/devices/{id}', { id: device.id })}">${breakable(device.hostName)}</a>`,
    time(wireTime(notAfter), now),
    statusOf(item, now),
  ]);
}

/** One word for where it stands, by color and sign as well. */
function statusOf(item: FoundCertificate, now: Date): Html {
  if (item.revoked !== null)
    return html`${level('neutral', 'revoked')} <span class="muted">${item.revoked.reasonCode}</span>`;
  const shown = levelOf(item, now);
  if (shown !== null)
    return level(shown, now > item.notAfter ? 'ended' : shown === 'ok' ? 'ok' : `${shown}: ends soon`);
  if (item.supersededAt !== null) return level('neutral', 'replaced');
  return level('neutral', now > item.notAfter ? 'ended' : 'not in use');
}
