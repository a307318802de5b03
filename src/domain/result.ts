// Expected refusals are values: a function that can refuse returns a Result; faults (a lost database) throw.

/** Either a value or the reason why there is none. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** A success. */
export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

/** A refusal. */
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });

/**
 * Why something was refused, precise enough to act on: `reason` is the stable name of the rule that spoke (also the
 * last segment of the problem type on the wire), `detail` says what was wrong, `field` where, `accepted` what would do.
 */
export type Refusal<R extends string = string> = {
  readonly reason: R;
  readonly detail: string;
  readonly field?: string;
  readonly accepted?: string;
};
