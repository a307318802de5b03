// The sections of the operator page, in the order in which they stand in its head.

/** Path and name of each section. */
export const sections = [
  { path: '/', name: 'Overview' },
  { path: '/warnings', name: 'Warnings' },
  { path: '/certificates', name: 'Certificates' },
  { path: '/devices', name: 'Devices' },
  { path: '/rotation', name: 'Rotation' },
  { path: '/issuers', name: 'Issuers' },
  { path: '/audit', name: 'Audit' },
] as const;

/** The section that a page belongs to. */
export type Section = (typeof sections)[number]['path'];
