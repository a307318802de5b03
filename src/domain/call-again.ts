// When a host should call again. Pure; the same for a host through one hour, so that a fleet neither marches in step nor
// jumps about.

const shortest = 60;
const longest = 3600;

/**
 * Seconds: an eighth of half of the shortest lifetime among its certificates, a quarter more or less by host and hour,
 * from a minute to an hour.
 * @param lifetimes Seconds, of each certificate of the host; without one it calls every few minutes.
 * @param roll Drawn from host and hour, in [0, 1).
 */
export function callAgainSeconds(lifetimes: readonly number[], roll: number): number {
  const eighth = lifetimes.length === 0 ? 300 : Math.min(...lifetimes) / 16;
  const held = Math.min(Math.max(eighth, shortest / 0.75), longest / 1.25);
  return Math.round(held * (0.75 + roll / 2));
}
