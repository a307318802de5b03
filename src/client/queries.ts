// What a person or script asks lists and reports for; absent members are not asked for. openapi.yaml says what each means.

/** Which page; `limit` at most 1000. */
export type PageQuery = { readonly cursor?: string | undefined; readonly limit?: number | undefined };

export type ReportName = 'expiry' | 'issuance' | 'rotation' | 'devices';

export type ExpiryFilter = PageQuery & {
  /** `30d` and the like. */
  readonly within?: string | undefined;
  readonly profile?: string | undefined;
  /** Id or host name. */
  readonly device?: string | undefined;
  readonly level?: 'ok' | 'warning' | 'critical' | undefined;
  readonly managed?: 'true' | 'false' | undefined;
};

export type CertificateFilter = PageQuery & {
  /** `30d` and the like. */
  readonly within?: string | undefined;
  readonly profile?: string | undefined;
  readonly status?: 'good' | 'revoked' | undefined;
  readonly device?: string | undefined;
  readonly serial?: string | undefined;
};

export type WarningFilter = PageQuery & {
  readonly state?: 'open' | 'closed' | undefined;
  readonly level?: 'warning' | 'critical' | undefined;
  readonly device?: string | undefined;
};

export type AuditFilter = PageQuery & {
  readonly event?: string | undefined;
  readonly principal?: string | undefined;
  readonly device?: string | undefined;
};
