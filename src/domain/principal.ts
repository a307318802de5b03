// Who asks. A route states which of these it takes; the audit names them by one text.
import type { NameRule } from './profile.ts';

/** Roles of operator tokens, each containing the one before. */
export type OperatorRole = 'viewer' | 'issuer' | 'admin';

/** What an operator token is limited to; null means "not limited beyond its role and the profile". */
export type TokenLimits = {
  readonly profiles: readonly string[] | null;
  readonly names: readonly NameRule[] | null;
  /** Source networks in CIDR notation. */
  readonly sources: readonly string[] | null;
};

export const noLimits: TokenLimits = { profiles: null, names: null, sources: null };

export type Principal =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'enrolling'; readonly enrollmentId: string }
  | { readonly kind: 'device'; readonly deviceId: string }
  | {
      readonly kind: 'operator';
      readonly tokenId: string;
      readonly name: string;
      readonly role: OperatorRole;
      readonly limits: TokenLimits;
    };

/** The text under which records and the audit know a principal. */
export function principalText(principal: Principal): string {
  switch (principal.kind) {
    case 'anyone':
      return 'anyone';
    case 'enrolling':
      return `enrollment:${principal.enrollmentId}`;
    case 'device':
      return `device:${principal.deviceId}`;
    case 'operator':
      return `operator:${principal.name}:${principal.tokenId}`;
    default:
      return principal satisfies never;
  }
}

/** Whether `role` includes what `needed` may do. */
export const roleIncludes = (role: OperatorRole, needed: OperatorRole): boolean => {
  const order: readonly OperatorRole[] = ['viewer', 'issuer', 'admin'];
  return order.indexOf(role) >= order.indexOf(needed);
};
