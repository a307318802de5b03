// Time that went by, for what is stored in a database that servers with other clocks write too. Pure.

/** So far may the clocks of servers be apart. What is further ahead was written by a clock that was wrong. Seconds. */
export const skewSeconds = 300;

/** Seconds since an instant; what a wrong clock wrote is as old as it takes not to wait for the day that it meant. */
export function secondsSince(instant: Date, now: Date): number {
  const seconds = (now.getTime() - instant.getTime()) / 1000;
  return seconds < -skewSeconds ? skewSeconds : seconds;
}
