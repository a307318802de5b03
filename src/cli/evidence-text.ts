// Why a certificate was issued, for people. What each check means is the server's to say.
import type { AllowedBy, EvidenceRequest, EvidenceResource, TpmEvidenceResource } from '../domain/evidence-wire.ts';
import { facts, table } from './table.ts';

/** One certificate's evidence. */
export function describeEvidence(evidence: EvidenceResource): string {
  const { profile, request, tpm } = evidence;
  const told = facts([
    ['certificate', evidence.certificate],
    ['subject', evidence.subject],
    ['profile', `${profile.name} (file ${profile.digest}${fileText(profile.unchanged)})`],
    ['asked by', evidence.principal],
    ...requestFacts(request),
    ['host', evidence.hostName],
    ['lineage', evidence.lineage],
    ['recorded', evidence.recordedAt],
    ['issued', evidence.issuedAt],
    ['verified again', againText(evidence.again)],
  ]);
  const checks = evidence.checks.map(({ outcome, check, detail }) => [outcome, check, detail]);
  const uses = evidence.confirmations.map(({ at, by, principal }) => [at, by, principal]);
  return [
    told,
    ...(tpm === null ? [] : [tpmText(tpm)]),
    table(['OUTCOME', 'CHECK', 'WHAT HAD TO HOLD'], checks),
    ...(uses.length === 0 ? [] : [table(['CONFIRMED', 'BY', 'PRINCIPAL'], uses)]),
  ].join('\n');
}

function fileText(unchanged: boolean | null): string {
  if (unchanged === null) return ', which is not there any more';
  return unchanged ? ', unchanged' : ', which has changed since';
}

type Fact = readonly [name: string, value: string | null];

function requestFacts(request: EvidenceRequest): readonly Fact[] {
  switch (request.kind) {
    case 'enrollment':
      return [
        ['enrollment', `${request.id} of ${request.hostName}, begun ${request.startedAt}`],
        ['allowed by', allowedText(request.allowedBy)],
      ];
    case 'renewal': {
      const how = [
        request.recovery ? ['a recovery'] : [],
        request.outsideCeiling ? ['outside the ceiling'] : [],
      ].flat();
      return [['renewal', [`${request.id}, admitted ${request.admittedAt}`, ...how].join(', ')]];
    }
    case 'csr':
      return [['request', 'a CSR, which is not kept']];
    case 'service':
      return [['request', 'the service for itself']];
    default:
      return request satisfies never;
  }
}

function allowedText(allowed: AllowedBy): string {
  switch (allowed.kind) {
    case 'token':
      return `enrollment token ${allowed.id}, made by ${allowed.by} at ${allowed.at}`;
    case 'approval':
      return `${allowed.by}, who approved it at ${allowed.at}`;
    case 'preregistration':
      return `${allowed.by}, who made its endorsement key known at ${allowed.at}`;
    case 'knownDevice':
      return `its device ${allowed.device}, which proved its TPM again`;
    default:
      return allowed satisfies never;
  }
}

function againText(again: EvidenceResource['again']): string {
  if (again.state === 'fails') return `no: ${again.detail} (${again.reason})`;
  return again.state === 'verifies' ? 'yes' : 'nothing is kept that could be';
}

function tpmText(tpm: TpmEvidenceResource): string {
  const path = tpm.path.map(({ subject, sha256, notAfter }) => [
    subject === '' ? '(empty)' : subject,
    sha256,
    notAfter ?? '',
  ]);
  const certified = tpm.certifications.map(({ role, name, firmwareVersion }) => [role, name, firmwareVersion]);
  return [
    facts([
      ['tpm', [tpm.manufacturer, tpm.model, tpm.version].filter((part) => part !== null).join(' ') || null],
      ['endorsement key', tpm.ekFingerprint],
      ['exception', tpm.exception],
      ['attestation key', tpm.akName],
    ]),
    ...(path.length === 0 ? [] : [table(['EK CERTIFICATE PATH', 'SHA-256', 'NOT AFTER'], path)]),
    ...(certified.length === 0 ? [] : [table(['CERTIFIED', 'NAME', 'FIRMWARE'], certified)]),
  ].join('\n');
}
