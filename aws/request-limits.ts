/** How long a client of AWS waits. Every client has these limits: the SDK has none of its own. */

/** `requestHandler` of a client of the SDK. */
export interface RequestLimits {
  readonly connectionTimeout: number
  /** Up to the head of an answer. */
  readonly requestTimeout: number
  readonly throwOnRequestTimeout: true
  /** The body of an answer may stand still too. */
  readonly socketTimeout: number
}

const longestConnectMs = 3000

/**
 * Limits of the requests of a client.
 *
 * @param headMs The head of an answer must be there after this time.
 * @param silentMs A connection on which nothing comes for so long is given up, in the middle of an answer too.
 */
export const requestLimits = (headMs: number, silentMs: number = headMs): RequestLimits => ({
  connectionTimeout: Math.min(longestConnectMs, headMs),
  requestTimeout: headMs,
  throwOnRequestTimeout: true,
  socketTimeout: silentMs,
})
