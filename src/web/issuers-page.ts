// The CAs of both trust domains: how they hang together, how long they can go on, their CRLs, and the profiles they serve.
import {
  above,
  crlFreshness,
  type IssuerLine,
  type IssuersView,
  type ProfileLine,
  signsWholeUntil,
} from '../domain/issuer-view.ts';
import { describeSeconds } from '../domain/expiry.ts';
import type { TrustDomain } from '../domain/profile.ts';
import { wireTime } from '../domain/wire.ts';
import { lifelines } from './charts/lifelines.ts';
import { breakable, longHex, row, table } from './content-parts.ts';
import { type Html, html } from './html.ts';
import { linkTo } from './link.ts';
import { empty, level } from './parts.ts';
import { time } from './time.ts';

/** The lifetime that people ask about. Seconds. */
const ordinaryLifetime = 90 * 86_400;

const domains: Readonly<Record<TrustDomain, { readonly name: string; readonly about: string }>> = {
  estate: { name: 'Estate', about: 'Identities of hosts and certificates of servers.' },
  'keylime-control': { name: 'Keylime control', about: 'What Keylime must obey has a root of its own.' },
};

/** `/issuers` */
export function issuersPage(view: IssuersView, now: Date): Html {
  const known = (['estate', 'keylime-control'] as const).filter((domain) =>
    view.issuers.some((issuer) => issuer.domain === domain),
  );
  if (known.length === 0)
    return html`<h1>Issuers</h1>${empty(html`There is no CA: <code>omens init</code> makes one or imports it.`)}`;
  return html`<h1>Issuers</h1>${known.map((domain) => domainPart(domain, view, now))}
<h2>In use</h2><p><a href="/endpoints">Endpoints that are looked at, and what each serves</a></p>`;
}

function domainPart(domain: TrustDomain, view: IssuersView, now: Date): Html {
  const issuers = ordered(view.issuers.filter((issuer) => issuer.domain === domain));
  const profiles = view.profiles.filter((profile) => profile.domain === domain);
  const longest = Math.max(ordinaryLifetime, ...profiles.map(({ lifetimeSeconds }) => lifetimeSeconds));
  const rows = issuers.map(({ issuer, depth }) => ({
    ...{
      name: issuer.subject,
      depth,
      notBefore: issuer.notBefore,
      notAfter: issuer.notAfter,
      isActive: issuer.isActive,
    },
    wholeUntil: issuer.role === 'issuing' ? signsWholeUntil(issuer, longest) : null,
  }));
  return html`<section aria-labelledby="${domain}"><h2 id="${domain}">${domains[domain].name}</h2>
<p class="muted">${domains[domain].about}</p>
${lifelines(`${domain}-lives`, rows, now)}
<ul class="picture-legend"><li>solid: it can sign</li><li>hatched: too near its end for ${describeSeconds(longest)}</li></ul>
${issuerTable(
  issuers.map(({ issuer }) => issuer),
  now,
)}
${profileTable(
  profiles,
  issuers.map(({ issuer }) => issuer),
  { view, now },
)}</section>`;
}

type Placed = { readonly issuer: IssuerLine; readonly depth: number };

/** Each CA behind the one that signed it, those that end last first. */
function ordered(all: readonly IssuerLine[], parentId: string | null = null): readonly Placed[] {
  const isChild = (issuer: IssuerLine): boolean =>
    parentId === null ? !all.some(({ id }) => id === issuer.parentId) : issuer.parentId === parentId;
  return all
    .filter(isChild)
    .toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime())
    .flatMap((issuer) => [{ issuer, depth: above(issuer, all).length }, ...ordered(all, issuer.id)]);
}

const roles = { root: 'root', intermediate: 'intermediate CA', issuing: 'issuing CA' } as const;

function issuerTable(issuers: readonly IssuerLine[], now: Date): Html {
  const columns = ['Name', 'Role', 'Ends', 'Signs 90 days whole until', 'CRL', 'SHA-256'];
  const rows = issuers.map((issuer) =>
    row(columns, [
      html`${breakable(issuer.subject)} ${!issuer.isActive && level('neutral', 'not active')}<div class="files">${downloads(issuer)}</div>`,
      roles[issuer.role],
      html`${time(wireTime(issuer.notAfter), now)} ${now > issuer.notAfter && level('critical', 'ended')}`,
      issuer.role === 'issuing' ? wholeUntil(issuer, now) : '–',
      crl(issuer, now),
      longHex(issuer.id),
    ]),
  );
  return table('The root first, and what it signed below it.', columns, rows);
}

function wholeUntil(issuer: IssuerLine, now: Date): Html {
  const until = signsWholeUntil(issuer, ordinaryLifetime);
  const left = until.getTime() - now.getTime();
  const shown = left <= 0 ? 'critical' : left < 365 * 86_400_000 ? 'warning' : 'ok';
  return html`${time(wireTime(until), now)} ${shown !== 'ok' && level(shown, left <= 0 ? 'over' : 'within a year')}`;
}

function crl({ role, crl: line, isActive }: IssuerLine, now: Date): Html {
  if (role !== 'issuing') return html`<span class="muted">offline</span>`;
  if (line === null) return isActive ? level('critical', 'none') : html`–`;
  const fresh = crlFreshness(line, now);
  return html`${level(isActive ? fresh : 'neutral', fresh === 'ok' ? 'fresh' : fresh === 'warning' ? 'late' : 'overdue')} number ${line.number}<div class="muted">${time(wireTime(line.thisUpdate), now)}, next by ${time(wireTime(line.nextUpdate), now)}</div>`;
}

function downloads({ id, role }: IssuerLine): Html {
  const file = (part: string, words: string): Html =>
    html`<a href="${linkTo(`/v1/issuers/{id}/${part}.pem`, { id })}">${words}</a>`;
  if (role === 'root') return file('root', 'certificate');
  return html`${file('chain', 'chain')} · ${file('root', 'root')} · ${file('bundle', 'both')}`;
}

function profileTable(
  profiles: readonly ProfileLine[],
  issuers: readonly IssuerLine[],
  { view, now }: { readonly view: IssuersView; readonly now: Date },
): Html | null {
  if (profiles.length === 0) return null;
  const active = issuers.find(({ role, isActive }) => role === 'issuing' && isActive);
  const columns = [
    'Profile',
    'Lifetime',
    'Key',
    'Signed whole until',
    `Issued in ${view.issuedDays} d`,
    'What it is for',
  ];
  const rows = profiles.map(({ name, lifetimeSeconds, keyOrigin, issued, description }) =>
    row(columns, [
      html`<a href="${linkTo('/certificates', {}, { profile: name })}">${name}</a>`,
      html`<span class="nowrap">${describeSeconds(lifetimeSeconds)}</span>`,
      keyOrigin === 'tpm' ? 'of the TPM' : 'of a CSR',
      active === undefined
        ? level('critical', 'no active CA')
        : time(wireTime(signsWholeUntil(active, lifetimeSeconds)), now),
      issued,
      description,
    ]),
  );
  return html`<h3>Profiles</h3>${table('What it issues, and until when it can do so for the full lifetime.', columns, rows)}`;
}
