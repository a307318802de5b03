// What a page says after something was done. The address carries the name only, so that nobody can write the text.

export const noticeTexts = {
  acknowledged: 'The warning is acknowledged: it is not repeated unless its level rises.',
  snoozed: 'The warning is snoozed.',
  campaignStarted: 'The campaign was started.',
  campaignPaused: 'The campaign is paused.',
  campaignResumed: 'The campaign goes on.',
  enrollmentApproved: 'The enrollment is approved.',
  enrollmentRejected: 'The enrollment is rejected.',
  deviceSuspended: 'The device is suspended, and what it had is revoked.',
  deviceResumed: 'The device may call again.',
  deviceRetired: 'The device is retired, and what it had is revoked.',
  certificateRevoked: 'The certificate is revoked.',
} as const;

/** The name of a text. */
export type Notice = keyof typeof noticeTexts;

/** Whether there is a text of this name. */
export const isNotice = (name: string): name is Notice => Object.hasOwn(noticeTexts, name);
