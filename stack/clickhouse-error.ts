/** An error as the HTTP interface of ClickHouse shows it. */
export interface ClickHouseFault {
  /** For `x-clickhouse-exception-code`. */
  code: number
  /** HTTP status. */
  status: number
  /** `Code: N. DB::Exception: text (TYPE) (version ...)`, which clients take apart. */
  text: string
}

const unexpected = 1002

/** HTTP status by error code, as the server gives them; 500 for all others. */
const statusTable: Record<number, readonly number[]> = {
  400: [6, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 72, 117, 130, 190, 321, 349, 386, 456, 457],
  403: [192, 193, 497, 516],
  404: [16, 46, 47, 50, 56, 60, 63, 73, 81, 115],
  408: [159],
  501: [48, 78],
}

const statusOf = new Map(Object.entries(statusTable).flatMap(([status, codes]) => codes.map(code => [code, Number(status)] as const)))

/**
 * Makes the error of a failed request from what the engine threw.
 *
 * @param version Version of the engine.
 */
export function clickhouseFault(error: unknown, version: string): ClickHouseFault {
  let text = (error instanceof Error ? error.message : String(error)).replace(/^Query failed: /, '')
  // The engine sometimes says its prefix twice.
  text = text.replace(/^(Code: \d+\. DB::Exception: )\1/, '$1').trim()
  let code = Number(/^Code: (\d+)/.exec(text)?.[1] ?? NaN)
  if (Number.isNaN(code)) {
    code = unexpected
    text = `Code: ${code}. DB::Exception: ${text} (UNKNOWN_EXCEPTION)`
  }
  if (!text.includes('(version ')) text += ` (version ${version} (embedded))`
  return { code, status: statusOf.get(code) ?? 500, text: `${text}\n` }
}
