/** Times as people read them. */

/** Unix seconds in UTC: `2026-11-24 10:06:30`. */
export const clock = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')

/** Unix seconds of a text that `clock` or ClickHouse wrote. */
export const clockSeconds = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`) / 1000
