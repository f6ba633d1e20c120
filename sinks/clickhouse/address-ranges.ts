/**
 * The one list of address ranges that nobody outside has. Migrations write `{private:EXPRESSION}` for the condition that an IPv6 column (IPv4 as
 * `::ffff:a.b.c.d`) lies in one of them.
 *
 * Applied migrations hold the list as it was: who changes it creates the views again in a new migration.
 */

/** First and last address of each range. */
export const privateRanges: readonly (readonly [first: string, last: string])[] = [
  ['::ffff:10.0.0.0', '::ffff:10.255.255.255'],
  ['::ffff:172.16.0.0', '::ffff:172.31.255.255'],
  ['::ffff:192.168.0.0', '::ffff:192.168.255.255'],
  ['::ffff:100.64.0.0', '::ffff:100.127.255.255'],
  ['::ffff:169.254.0.0', '::ffff:169.254.255.255'],
  ['::ffff:127.0.0.0', '::ffff:127.255.255.255'],
  ['fc00::', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['::1', '::1'],
]

const condition = (expression: string): string =>
  `(${privateRanges.map(([first, last]) => `${expression} BETWEEN toIPv6('${first}') AND toIPv6('${last}')`).join(' OR ')})`

/**
 * Puts the condition in for each `{private:EXPRESSION}` of a migration.
 *
 * @param text SQL; an expression is a column name, with or without the name of its table.
 */
export const withAddressRanges = (text: string): string =>
  text.replaceAll(/\{private:([\w.]+)\}/g, (_all, expression: string) => condition(expression))
