/** SQL of what a row of the table `flows` says, NULL for what it does not: shared by the views that show flows. */

/** An address column as text, IPv4 as `1.2.3.4`. */
export const addressText = (column: string): string => `replaceRegexpOne(toString(${column}), '^::ffff:(\\\\d+\\\\.)', '\\\\1')`

/**
 * A value, NULL if its bit of `absent` is set.
 *
 * @param row Alias of the row with a dot, or nothing.
 */
export const unlessAbsent = (bit: number, value: string, row = ''): string => `if(bitTest(${row}absent, ${bit}), NULL, ${value})`

/** Bits of `absent` that belong to no trait and no attribute; of two sides that of the local one, the next is the remote one's. */
export const absentBits = { packets: 3, bytes: 4, servicePort: 5, port: 6, address: 8, packetAddress: 10, packetIsZero: 16 } as const

/** Rows with `known_start` and `known_end`, each NULL if nothing says it. */
export const timedRows = (from: string): string =>
  `SELECT *, if(time_source IN ('none', 'end'), NULL, start) AS known_start, if(time_source IN ('none', 'start'), NULL, start + dur) AS known_end FROM ${from}`

/** The same of the whole table. */
export const timedFlows = `-- two parts, because a condition on "if(...)" would read all days
    SELECT *, toNullable(start) AS known_start, if(time_source = 'start', NULL, start + dur) AS known_end FROM {database}.flows WHERE time_source NOT IN ('none', 'end')
    UNION ALL
    SELECT *, CAST(NULL, 'Nullable(DateTime(\\'UTC\\'))') AS known_start, if(time_source = 'none', NULL, start) AS known_end FROM {database}.flows WHERE time_source IN ('none', 'end')`
