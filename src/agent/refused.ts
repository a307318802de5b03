// A refusal of the service as a person reads it.
import type { Problem } from '../domain/wire.ts';
import type { ServerAnswer } from './enrollment-server.ts';
import { AgentFailure } from './failure.ts';

/** An `AgentFailure` that repeats what the problem document says, with everything that it would accept. */
export function refusal(answer: Extract<ServerAnswer<unknown>, { readonly ok: false }>, what: string): AgentFailure {
  const { problem } = answer;
  return new AgentFailure(`${what}: ${problem.detail} (${reasonOf(problem)})`, { hints: hintsOf(problem), problem });
}

/** The last segment of the problem's type. */
export const reasonOf = ({ type }: Pick<Problem, 'type'>): string => type.slice(type.lastIndexOf('/') + 1);

/** One line for each thing that would be accepted, and each further denial. */
function hintsOf(problem: Problem): readonly string[] {
  const own = accepted(problem.field, problem.accepted);
  const denials = (problem.denials ?? []).map(({ reason, detail, field, accepted: would }) =>
    [`${reason}: ${detail}`, ...accepted(field, would)].join('; '),
  );
  return denials.length > 1 ? denials : own;
}

function accepted(field: string | undefined, would: string | undefined): readonly string[] {
  if (would === undefined) return [];
  return [field === undefined ? `accepted: ${would}` : `${field}: accepted: ${would}`];
}
