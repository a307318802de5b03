// The service as commands use it: the operations of client/, whose refusals become failures with hints.
import { type OperatorApi, operatorApi } from '../client/api.ts';
import { type ClientFault, openConnection } from '../client/connection.ts';
import type { ServerTrust } from '../client/server-trust.ts';
import type { Result } from '../domain/result.ts';
import type { Problem } from '../domain/wire.ts';
import { CommandFailure } from './failure.ts';

export type Service = OperatorApi & {
  readonly close: () => void;
};

/** How to reach the service as an operator. */
export type ServiceSettings = {
  readonly url: string;
  /** The operator token, or null for what anyone may read. */
  readonly token: string | null;
  readonly trust: ServerTrust;
};

type Waiting = {
  readonly now: () => Date;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly stderr: (text: string) => void;
};

/** Opens the way to the service; rejects with `CommandFailure` when it is not the one that is trusted. */
export async function openService(settings: ServiceSettings, { now, sleep, stderr }: Waiting): Promise<Service> {
  const connection = valueOf(
    await openConnection({
      ...{ ...settings, now, sleep },
      onWait: ({ seconds }) => stderr(`omens: the service asks to wait ${seconds} s\n`),
    }),
  );
  return {
    ...operatorApi(connection),
    close: connection.close,
  };
}

/** The value of an answer; anything else rejects with `CommandFailure`. */
export function valueOf<T>(answer: Result<T, ClientFault>): T {
  if (answer.ok) return answer.value;
  const { reason, detail } = answer.error;
  switch (reason) {
    case 'problem':
      throw refused(answer.error.problem);
    case 'serverUnreachable':
      throw new CommandFailure(`cannot reach the service: ${detail}`, {
        hints: ['is it running (`omens serve`), and is --url or OMENS_URL right?'],
      });
    case 'serverNotTrusted':
      throw new CommandFailure(`the service is not trusted: ${detail}`, {
        hints: ['name the root certificate of the service by --ca-file or OMENS_CA_FILE'],
      });
    case 'clockDiffers':
    case 'malformedReply':
      throw new CommandFailure(detail);
    default:
      return reason satisfies never;
  }
}

function refused(problem: Problem): CommandFailure {
  const reason = problem.type.slice(problem.type.lastIndexOf('/') + 1);
  return new CommandFailure(`${problem.detail} (${reason})`, { hints: hintsOf(problem), problem });
}

/** What would be accepted; every denial, where there are several. */
function hintsOf(problem: Problem): readonly string[] {
  const accepted = (field: string | undefined, would: string | undefined): readonly string[] =>
    would === undefined ? [] : [`${field === undefined ? '' : `${field}: `}accepted: ${would}`];
  const denials = problem.denials ?? [];
  if (denials.length < 2) return accepted(problem.field, problem.accepted);
  return denials.map(({ reason, detail, field, accepted: would }) =>
    [`${reason}: ${detail}`, ...accepted(field, would)].join('; '),
  );
}
