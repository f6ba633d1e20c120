/** Section `networks`: which addresses are ours. */
import { isIP } from 'node:net'
import { z } from 'zod'

function isCidr(text: string): boolean {
  const [address, bits, more] = text.split('/')
  const family = isIP(address!)
  return family !== 0 && more === undefined && bits !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

function cidrFault(text: unknown): string {
  const [address, ...more] = String(text).split('/')
  const family = isIP(address!)
  const instead = family === 0 || more.length > 0 ? '' : `; for one address write ${address!}/${family === 4 ? 32 : 128}`
  return `${JSON.stringify(text)} is not a network like 10.0.0.0/8 or 2600:1f18::/32${instead}`
}
const cidr = z.string().refine(isCidr, { error: ({ input }) => cidrFault(input) })

/** Its settings. */
export const networksSection = z.strictObject({
  own: z
    .array(
      z.union([
        cidr,
        z.strictObject({
          cidrs: z.array(cidr).min(1),
          accounts: z
            .array(z.string().regex(/^\d{12}$/, 'not an account id of 12 digits, in quotes'))
            .min(1)
            .optional(),
          vpcs: z
            .array(z.string().regex(/^vpc-[0-9a-z]+$/, 'not the id of a VPC: vpc-...'))
            .min(1)
            .optional(),
        }),
      ]),
    )
    .default([])
    .describe(
      'Networks of your own VPCs: CIDRs, or, in the file, `{cidrs, accounts, vpcs}` for the records of these accounts and VPCs alone. If exactly one address of a record is in them, it is that of the interface, unless the record itself says the direction; what is in them gets no country, network or threat. Not networks that you only reach, such as an office.',
    ),
})

/** Section `networks` as checked. */
export type NetworkSettings = z.infer<typeof networksSection>
