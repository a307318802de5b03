// Every page of the operator page, by section, and what they call. A section's pages stand in a file of its own.
import { preferredType } from '../accept.ts';
import { gatherHeaders, headerOf } from '../edge.ts';
import { type EdgePorts, type MountedRoute, problemRefuser, type Refuser } from '../pipeline.ts';
import type { HttpServices } from '../services.ts';
import { auditPages } from './audit.ts';
import { certificatePages } from './certificates.ts';
import type { ContentServices } from './content.ts';
import { devicePages } from './devices.ts';
import { entryRoutes } from './entry.ts';
import { issuerPages } from './issuers.ts';
import { loginLimit, ordinaryLoginRate } from './login-limit.ts';
import { overviewPages } from './overview.ts';
import type { Page } from './page.ts';
import { rotationPages } from './rotation.ts';
import { warningPages } from './warnings.ts';
import { mountPages, pageRefuser } from './serve-page.ts';
import type { Asset, OverviewServices, Web, WebSessionServices } from './web.ts';
import type { Rate } from '../enrollment-limits.ts';

/** What pages call: the functions of the API, and what only pages need. */
export type PageServices = HttpServices & WebSessionServices & OverviewServices & ContentServices;

export type WebOptions = {
  readonly services: PageServices;
  /** The style sheet and the icon, in this order. */
  readonly assets: readonly [css: Asset, icon: Asset];
  /** Drawn at start. */
  readonly salt: Uint8Array;
  readonly loginRate?: Rate;
};

const allPages = (services: PageServices): readonly Page[] => [
  ...overviewPages(services),
  ...certificatePages(services),
  ...devicePages(services),
  ...issuerPages(services),
  ...warningPages(services),
  ...rotationPages(services),
  ...auditPages(services),
];

/** The routes of the operator page, and how a path that nobody has is refused: to a browser by a page. */
export function webRoutes(
  edge: EdgePorts,
  { services, assets, salt, loginRate = ordinaryLoginRate }: WebOptions,
): { readonly routes: readonly MountedRoute[]; readonly unknownPath: Refuser } {
  const [css, icon] = assets;
  const web: Web = {
    edge,
    sessions: services,
    loginLimit: loginLimit(loginRate, salt),
    assets: { css: css.path, icon: icon.path },
  };
  const [asPage, asProblem] = [pageRefuser(web), problemRefuser(edge)];
  return {
    routes: [...entryRoutes(web, assets), ...mountPages(web, allPages(services))],
    unknownPath: (request, outcome) =>
      (isForPeople(request.path, request.rawHeaders) ? asPage : asProblem)(request, outcome),
  };
}

/** A browser asks for HTML by name; nothing below /v1 is for people. */
const isForPeople = (path: string, rawHeaders: readonly string[]): boolean =>
  !path.startsWith('/v1/') &&
  preferredType(headerOf(gatherHeaders(rawHeaders), 'accept'), ['application/problem+json', 'text/html']) ===
    'text/html';
