/** Regions of AWS services. */

/** Region of a queue: as set, as its URL says, else the given one. */
export const regionOfQueue = (queue: { readonly url: string; readonly region?: string | undefined }, otherwise: string): string =>
  queue.region ??
  /^https?:\/\/(?:(?:vpce-[a-z0-9-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)/.exec(queue.url)?.slice(1).find(Boolean) ??
  otherwise
