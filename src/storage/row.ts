// Typed reading of database rows. A value of another type than the statement promises is a fault, never a guess.
import type { RawRow } from './pool.ts';

const wrong = (row: RawRow, column: string, wanted: string): never => {
  throw new TypeError(`column ${column} is ${row[column] === null ? 'null' : typeof row[column]}, not ${wanted}`);
};

/** The column's text. */
export const text = (row: RawRow, column: string): string => {
  const value = row[column];
  return typeof value === 'string' ? value : wrong(row, column, 'text');
};

/** The column's text, or null. */
export const textOrNull = (row: RawRow, column: string): string | null =>
  row[column] === null || row[column] === undefined ? null : text(row, column);

/** The column's number. */
export const number = (row: RawRow, column: string): number => {
  const value = row[column];
  return typeof value === 'number' ? value : wrong(row, column, 'a number');
};

/** The column's truth value. */
export const boolean = (row: RawRow, column: string): boolean => {
  const value = row[column];
  return typeof value === 'boolean' ? value : wrong(row, column, 'a boolean');
};

/** The column's octets. */
export const octets = (row: RawRow, column: string): Uint8Array => {
  const value = row[column];
  return Buffer.isBuffer(value) ? value : wrong(row, column, 'bytea');
};

/** The column's instant. */
export const instant = (row: RawRow, column: string): Date => {
  const value = row[column];
  return Object.prototype.toString.call(value) === '[object Date]' ? (value as Date) : wrong(row, column, 'an instant');
};

/** The column's instant, or null. */
export const instantOrNull = (row: RawRow, column: string): Date | null =>
  row[column] === null || row[column] === undefined ? null : instant(row, column);

/** The column's array of texts. */
export const texts = (row: RawRow, column: string): readonly string[] => {
  const value = row[column];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : wrong(row, column, 'text[]');
};
