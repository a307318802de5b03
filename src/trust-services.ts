// Trust bundles as the API publishes and shows them. Part of the composition root.
import type { Authorities } from './authorities.ts';
import { principalText } from './domain/principal.ts';
import type { KnownAnchor } from './domain/trust-bundle.ts';
import type { TrustServices } from './http/services.ts';
import { publishTrustBundle, showTrustBundle } from './issuance/publish-trust-bundle.ts';
import type { IssuerRow } from './storage/issuers.ts';
import type { Database } from './storage/pool.ts';
import { trustBundlesIn } from './storage/trust-bundles.ts';

/** The two operations over one database; which roots are in use is known since the start. */
export function trustServices(parts: { readonly db: Database; readonly authorities: Authorities }): TrustServices {
  const { rows } = parts.authorities;
  const ports = {
    ...trustBundlesIn(parts.db),
    roots: rows.filter(({ role }) => role === 'root').map(anchorOf),
    rootsInUse: rows.filter(({ role, isActive }) => role === 'issuing' && isActive).map((row) => rootOf(row, rows)),
  };
  const publish = publishTrustBundle(ports);
  return {
    trustBundle: showTrustBundle(ports),
    publishTrustBundle: (bundle, principal, { now }) => publish(bundle, { principal: principalText(principal), now }),
  };
}

const anchorOf = ({ id, domain }: IssuerRow): KnownAnchor => ({ domain, sha256: id });

function rootOf(row: IssuerRow, rows: readonly IssuerRow[]): KnownAnchor {
  const parent = rows.find(({ id }) => id === row.parentId);
  return parent === undefined ? anchorOf(row) : rootOf(parent, rows);
}
