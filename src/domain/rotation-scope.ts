// Which lineages an operator means by a scope, as a store can look for them. Firmware is compared as the number that a TPM
// attested; a device whose firmware was never attested matches no range.
import { err, ok, type Refusal, type Result } from './result.ts';
import type { RotationScope, TpmScope } from './rotation-wire.ts';
import { parseFirmwareVersion } from './tpm-denials.ts';

/** Null does not filter. Bounds of firmware are included. */
export type ScopeFilter = {
  readonly deviceId: string | null;
  readonly profile: string | null;
  readonly issuerId: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  readonly firmware: { readonly from: bigint; readonly to: bigint } | null;
};

export type ScopeReason = 'malformedFirmwareRange';

const everything: ScopeFilter = {
  ...{ deviceId: null, profile: null, issuerId: null },
  ...{ manufacturer: null, model: null, firmware: null },
};

const allFirmware = { from: 0n, to: (1n << 64n) - 1n } as const;

/** The filter of a scope whose shape the contract has checked. */
export function scopeFilter(scope: RotationScope): Result<ScopeFilter, Refusal<ScopeReason>> {
  if ('device' in scope) return ok({ ...everything, deviceId: scope.device });
  if ('profile' in scope) return ok({ ...everything, profile: scope.profile });
  if ('issuer' in scope) return ok({ ...everything, issuerId: scope.issuer });
  const { manufacturer, model = null } = scope.tpm;
  const firmware = firmwareRange(scope.tpm);
  return firmware.ok ? ok({ ...everything, manufacturer, model, firmware: firmware.value }) : firmware;
}

function firmwareRange({ firmwareFrom, firmwareTo }: TpmScope): Result<ScopeFilter['firmware'], Refusal<ScopeReason>> {
  if (firmwareFrom === undefined && firmwareTo === undefined) return ok(null);
  const from = firmwareFrom === undefined ? allFirmware.from : parseFirmwareVersion(firmwareFrom, 0);
  const to = firmwareTo === undefined ? allFirmware.to : parseFirmwareVersion(firmwareTo, 65535);
  if (from === null) return malformed('scope.tpm.firmwareFrom');
  if (to === null) return malformed('scope.tpm.firmwareTo');
  if (from <= to) return ok({ from, to });
  return err({
    reason: 'malformedFirmwareRange',
    detail: 'the range of firmware ends before it begins',
    field: 'scope.tpm.firmwareTo',
    accepted: 'a version that is not before firmwareFrom',
  });
}

const malformed = (field: string): { readonly ok: false; readonly error: Refusal<ScopeReason> } =>
  err({
    reason: 'malformedFirmwareRange',
    detail: 'the version of the firmware is malformed',
    field,
    accepted: 'two to four decimal numbers up to 65535 with dots between them, such as 7.61',
  });
